SELECT store_id, status, sum(amount) AS revenue
FROM orders GROUP BY ROLLUP (store_id, status) HAVING GROUPING(store_id) = 0
