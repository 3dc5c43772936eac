SELECT
  (SELECT sum(1000 % width) FROM hits WHERE width > 0) AS a,
  (SELECT sum(1000 % height) FROM hits WHERE height > 0) AS b
