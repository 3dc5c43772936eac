SELECT store_id, max(n) AS n FROM (SELECT store_id, count(*) AS n FROM orders GROUP BY store_id) AS g GROUP BY store_id
