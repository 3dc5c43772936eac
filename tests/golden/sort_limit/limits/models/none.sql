SELECT order_id FROM sales LIMIT 0
