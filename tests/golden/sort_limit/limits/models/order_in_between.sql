SELECT order_id FROM (SELECT order_id FROM sales ORDER BY order_id LIMIT 20) AS o ORDER BY order_id DESC LIMIT 5
