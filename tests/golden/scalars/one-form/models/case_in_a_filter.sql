SELECT order_id FROM sales WHERE CASE WHEN customer_id = 20 THEN 2 WHEN customer_id = 10 THEN 1 ELSE 3 END = 1
