SELECT count(*) AS n, max(x) AS a, max(id) AS b FROM t WHERE x BETWEEN 2 AND -2 AND reverse(reverse('a')) = 'a'
