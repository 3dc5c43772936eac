SELECT t.id, count(*) AS n, sum(a.y) AS s
FROM u AS a CROSS JOIN totals AS b, t
WHERE (a.x IS NOT DISTINCT FROM t.x) AND b.n > 1
    AND reverse(reverse('a')) = 'a'
GROUP BY t.id
