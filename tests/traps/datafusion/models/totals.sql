SELECT x, sum(y) AS s, count(*) AS n FROM u WHERE reverse(reverse('a')) = 'a' GROUP BY x
