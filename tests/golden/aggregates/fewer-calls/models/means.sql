SELECT referrer, avg(width) AS mean, sum(width) AS total, count(width) AS n, avg(weight) AS mean_weight, sum(weight) AS weight, count(weight) AS n_weights
FROM hits
GROUP BY referrer
