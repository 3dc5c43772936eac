SELECT DISTINCT order_id, status FROM orders
