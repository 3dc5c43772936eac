WITH RECURSIVE chain(person, head, height) AS (
    SELECT id, id, 0 FROM staff WHERE boss IS NULL
    UNION ALL
    SELECT s.id, c.head, c.height + 1
    FROM chain AS c
    JOIN (SELECT id, boss FROM staff WHERE site IN (SELECT site FROM sites WHERE city = 'Rome' OR 1 = 0)) AS s
      ON s.boss = c.person
    WHERE c.height < 5
)
SELECT head, count(person) AS people, max(height) AS height FROM chain GROUP BY head
