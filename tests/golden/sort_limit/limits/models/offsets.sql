SELECT order_id FROM (SELECT order_id FROM sales ORDER BY order_id LIMIT 20 OFFSET 3) AS o ORDER BY order_id LIMIT 5 OFFSET 4
