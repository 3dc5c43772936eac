SELECT order_id FROM (SELECT order_id, quantity FROM sales ORDER BY order_id LIMIT 10) AS o WHERE quantity > 5
