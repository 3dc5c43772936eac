WITH RECURSIVE tree(id, site, depth) AS (
    SELECT id, site, 0 FROM staff WHERE boss IS NULL
    UNION ALL
    SELECT s.id, s.site, tree.depth + 1 FROM tree JOIN staff AS s ON s.boss = tree.id WHERE tree.depth < 4
)
SELECT site, max(depth) AS depth, count(*) AS people FROM tree GROUP BY site
