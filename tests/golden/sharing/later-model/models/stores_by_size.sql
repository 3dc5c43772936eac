SELECT store_id, count(*) AS n FROM orders WHERE quantity > 4 GROUP BY store_id
