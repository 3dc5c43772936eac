SELECT store_id, count(*) AS n FROM (SELECT * FROM sales ORDER BY ordered_on, order_id LIMIT 10) AS o GROUP BY store_id
