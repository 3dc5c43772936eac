SELECT b.x, count(*) AS n
FROM a RIGHT JOIN b ON a.x = b.x AND 1 > 2
WHERE a.id NOT IN (SELECT id FROM a)
GROUP BY b.x
