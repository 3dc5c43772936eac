SELECT order_id FROM sales WHERE customer_id = customer_id
