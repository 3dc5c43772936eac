SELECT status, count(*) AS n, sum(amount) AS revenue FROM orders WHERE quantity < -100 GROUP BY ROLLUP (status)
