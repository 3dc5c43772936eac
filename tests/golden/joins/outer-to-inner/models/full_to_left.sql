SELECT o.order_id, c.name FROM orders AS o FULL JOIN customers AS c ON c.customer_id = o.customer_id
WHERE o.quantity > 3
