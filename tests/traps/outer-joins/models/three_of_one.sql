SELECT a.id, max(CASE WHEN b.m IS NOT NULL THEN b.n END) AS m
FROM t AS a
RIGHT JOIN (SELECT count(*) AS n, max(u.x) AS m, coalesce(count(*), 0) AS k FROM u, t AS v WHERE u.fk = v.id) AS b
    ON a.id IS NOT DISTINCT FROM b.n
JOIN (SELECT CASE WHEN g <> 0 THEN g + 2 END AS k FROM t WHERE g = g) AS c ON b.k = c.k
WHERE reverse(reverse('a')) = 'a'
GROUP BY a.id
