WITH RECURSIVE pairs AS (
    SELECT id, 0 AS level FROM staff WHERE boss IS NULL AND 1 = 1
    UNION ALL
    SELECT a.id + b.id, a.level + 1 FROM pairs AS a JOIN pairs AS b ON a.id < b.id WHERE a.level < 1
)
SELECT level, count(*) AS n FROM pairs GROUP BY level
