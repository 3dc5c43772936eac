SELECT count(*) AS n, sum(amount) AS s FROM sales LIMIT 3
