SELECT order_id FROM sales WHERE amount + 1.5 < 10 AND customer_id + 1 < 10
