SELECT
  (SELECT count(*) FROM hits) AS n,
  (SELECT max(width) FROM hits) AS widest,
  (SELECT avg(seconds) FROM hits) AS seconds
