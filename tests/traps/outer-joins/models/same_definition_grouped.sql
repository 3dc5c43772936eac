SELECT DISTINCT r.c, coalesce(r.x, 0) AS d
FROM u LEFT JOIN (SELECT id, x, coalesce(x, 0) AS c FROM t) AS r ON u.g = r.id + 2
WHERE reverse(reverse('a')) = 'a'
