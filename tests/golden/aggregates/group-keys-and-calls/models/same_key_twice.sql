SELECT quantity + 0 AS a, quantity AS b, sum(amount) AS s FROM orders GROUP BY quantity + 0, quantity
