SELECT order_id FROM sales WHERE customer_id > 5 AND (customer_id > 3 OR status = 'a') AND (customer_id < 2 OR status <> 'b')
