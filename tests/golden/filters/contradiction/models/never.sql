SELECT order_id, quantity FROM sales WHERE quantity > 10 AND quantity < 5
