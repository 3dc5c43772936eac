SELECT u.x + 1 AS a, t.s || 'x' AS b FROM u LEFT JOIN t ON u.fk = t.id WHERE u.x BETWEEN 2 AND -2 AND reverse(reverse('a')) = 'a'
