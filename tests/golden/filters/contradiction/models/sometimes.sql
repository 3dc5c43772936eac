SELECT order_id, quantity FROM sales WHERE quantity >= 5 AND quantity <= 5
