SELECT count(*) AS n, sum(amount) AS s FROM orders WHERE 1 = 2
