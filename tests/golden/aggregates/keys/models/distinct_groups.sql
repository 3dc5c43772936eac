SELECT DISTINCT store_id, status, n
FROM (SELECT store_id, status, count(*) AS n FROM orders GROUP BY store_id, status) AS g
