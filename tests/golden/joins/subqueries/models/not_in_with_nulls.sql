SELECT c.name FROM customers AS c WHERE c.customer_id NOT IN (SELECT o.customer_id FROM orders AS o WHERE o.quantity > 5)
