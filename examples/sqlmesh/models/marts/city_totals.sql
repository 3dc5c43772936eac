MODEL (
  name marts.city_totals,
  kind FULL,
  grain city
);

SELECT city, COUNT(*) AS n_rides, SUM(fare) AS fares, MAX(fare) AS highest_fare
FROM staging.rides
GROUP BY city
