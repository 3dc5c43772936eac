SELECT store_id, status, sum(amount) AS revenue, GROUPING(store_id, status) AS level
FROM orders GROUP BY ROLLUP (store_id, status)
