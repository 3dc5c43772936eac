SELECT store_id, max(DISTINCT amount) AS most, sum(DISTINCT amount) AS s, count(DISTINCT order_id) AS n
FROM orders GROUP BY store_id
