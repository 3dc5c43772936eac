SELECT
  (SELECT count(*) FROM hits WHERE width > 1000) AS wide,
  (SELECT count(*) FROM hits WHERE height > 1000) AS high,
  (SELECT avg(seconds) FROM hits WHERE width > 1000 AND height > 1000) AS seconds_of_large
