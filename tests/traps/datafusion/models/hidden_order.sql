SELECT avg(q.n) AS a, max(q.s) AS m
FROM (SELECT t.s AS k, min(x) AS s, count(*) AS n FROM totals AS t GROUP BY t.s ORDER BY 1 DESC NULLS LAST, 2 DESC LIMIT 2) AS q
WHERE reverse(reverse('a')) = 'a'
