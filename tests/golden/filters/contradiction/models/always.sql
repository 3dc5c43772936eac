SELECT order_id FROM sales WHERE 1 = 1 AND quantity = quantity
