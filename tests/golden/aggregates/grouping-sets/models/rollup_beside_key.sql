SELECT store_id, status, count(*) AS n, GROUPING(status) AS is_total
FROM orders GROUP BY store_id, ROLLUP (status) HAVING store_id > 3
