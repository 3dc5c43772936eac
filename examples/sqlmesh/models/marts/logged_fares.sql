MODEL (name marts.logged_fares, kind VIEW);

SELECT day, SUM(fare) AS fares FROM marts.ride_log GROUP BY day
