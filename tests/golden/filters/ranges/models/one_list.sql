SELECT order_id FROM sales WHERE (customer_id = 1 OR customer_id = 2 OR customer_id IN (2, 9)) AND customer_id <> 9
