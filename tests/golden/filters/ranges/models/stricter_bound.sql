SELECT order_id FROM sales WHERE customer_id > 5 AND customer_id >= 7 AND customer_id <> 3 AND customer_id < 90
