SELECT
  (SELECT count(*) FROM hits WHERE seconds > 60) AS n,
  (SELECT max(width) FROM hits WHERE seconds > 60) AS widest
