WITH RECURSIVE tree AS (
    SELECT id, site, 0 AS depth FROM staff WHERE boss IS NULL
    UNION ALL
    SELECT s.id, s.site, tree.depth + 1 FROM tree JOIN staff AS s ON s.boss = tree.id WHERE tree.depth < 2
)
SELECT site, count(*) AS people FROM tree GROUP BY site
