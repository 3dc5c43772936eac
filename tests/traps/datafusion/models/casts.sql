SELECT DISTINCT CAST(n AS decimal(10, 2)) AS a, CAST(n AS varchar) AS b, n + n AS c
FROM (SELECT x, count(*) AS n FROM u GROUP BY x) AS q WHERE reverse(reverse('a')) = 'a'
