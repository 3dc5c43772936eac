SELECT count(*) AS n, max(x) AS a, max(fk) AS b, coalesce(sum(g), 7) AS c FROM u WHERE x BETWEEN 2 AND -2 AND reverse(reverse('a')) = 'a'
