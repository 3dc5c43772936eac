SELECT quantity, sum(amount) AS s FROM orders GROUP BY quantity
