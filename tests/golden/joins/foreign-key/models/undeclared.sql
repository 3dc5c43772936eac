SELECT o.order_id FROM orders AS o JOIN customers AS c ON c.customer_id = o.customer_id
