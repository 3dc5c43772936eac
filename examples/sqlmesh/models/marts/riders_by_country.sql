MODEL (name marts.riders_by_country, kind FULL);

SELECT COALESCE(c.country, 'elsewhere') AS country, COUNT(DISTINCT r.rider_id) AS n_riders, SUM(i.fare) AS fares
FROM staging.rides AS i
JOIN raw.riders AS r ON r.rider_id = i.rider_id
LEFT JOIN seeds.countries AS c ON c.country_code = r.country_code
GROUP BY 1
