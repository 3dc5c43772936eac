SELECT t.id, b.s FROM t LEFT JOIN (SELECT x, sum(y) AS s FROM u GROUP BY x) AS b ON b.x = t.x
WHERE coalesce(b.s, 0) >= 0 AND t.id > 0 AND reverse(reverse('a')) = 'a' AND (t.s IS DISTINCT FROM 'a')
