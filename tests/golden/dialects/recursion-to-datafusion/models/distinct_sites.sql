WITH RECURSIVE reached AS (
    SELECT id, site FROM staff WHERE boss IS NULL AND 1 = 1
    UNION
    SELECT s.id, r.site FROM reached AS r LEFT JOIN staff AS s ON s.boss = r.id
)
SELECT DISTINCT r.id, r.site, t.city FROM reached AS r JOIN sites AS t ON t.site = r.site
