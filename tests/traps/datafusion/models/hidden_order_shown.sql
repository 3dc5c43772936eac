SELECT q.b AS x FROM (SELECT a.x AS k, b.n AS b FROM u AS a JOIN totals AS b ON a.y = b.x ORDER BY 1 DESC, 2 LIMIT 2) AS q WHERE reverse(reverse('a')) = 'a'
