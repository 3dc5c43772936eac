SELECT t.g + t.x AS c0, u.x AS c1 FROM t LEFT JOIN u ON u.x = t.x AND t.s IS NOT NULL WHERE reverse(reverse('a')) = 'a'
