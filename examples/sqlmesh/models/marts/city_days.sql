MODEL (
  name marts.city_days,
  kind FULL,
  cron '@daily',
  grain (city, day),
  audits (
    unique_combination_of_columns(columns := (city, day)),
    not_null(columns := (day))
  )
);

SELECT city, day, COUNT(*) AS n_rides, SUM(fare) AS fares, SUM(km) AS km
FROM staging.rides
GROUP BY city, day
