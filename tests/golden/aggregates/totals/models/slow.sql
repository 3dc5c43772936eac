SELECT hit_id
FROM hits
WHERE seconds > (SELECT avg(seconds) FROM hits WHERE width <= 1000)
  AND seconds > (SELECT avg(seconds) FROM hits WHERE height <= 1000)
