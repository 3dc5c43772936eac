WITH RECURSIVE levels AS (
    SELECT 0 AS level, count(*) AS people FROM staff WHERE boss IS NULL AND 1 = 1
    UNION ALL
    SELECT max(level) + 1, sum(people) FROM levels WHERE level < 3 HAVING count(*) > 0
)
SELECT level, people FROM levels
