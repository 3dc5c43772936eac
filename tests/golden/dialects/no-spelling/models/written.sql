SELECT DISTINCT order_id FROM orders
