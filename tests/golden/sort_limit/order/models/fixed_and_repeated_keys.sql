SELECT order_id, status FROM sales WHERE status = 'A' ORDER BY status, quantity, quantity DESC, order_id LIMIT 5
