SELECT p.c0 AS k0, u.fk AS k1, count(DISTINCT u.g) AS m2, sum(u.g) AS m3
FROM u LEFT JOIN pairs AS p ON u.g = p.c1 AND coalesce(p.c1, 2) = -1
WHERE reverse(reverse('a')) = 'a'
GROUP BY p.c0, u.fk
