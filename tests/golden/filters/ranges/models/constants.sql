SELECT order_id FROM sales WHERE quantity = 5 AND quantity + 2 > order_id AND (order_id = 1 OR quantity = customer_id)
