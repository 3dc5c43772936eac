WITH RECURSIVE reports(person, at_site, level) AS (
    SELECT id, site, 0 FROM staff WHERE boss IS NULL
    UNION ALL
    SELECT s.id, s.site, r.level + 1 FROM staff AS s JOIN reports AS r ON r.person = s.boss AND r.level < 4
)
SELECT person, at_site FROM reports WHERE level = 1 AND at_site = 7
