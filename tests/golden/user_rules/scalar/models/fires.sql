SELECT order_id FROM sales WHERE abs(-quantity) > 5
