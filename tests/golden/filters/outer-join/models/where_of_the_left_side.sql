SELECT o.order_id, c.name FROM sales AS o LEFT JOIN customers AS c ON c.customer_id = o.customer_id
WHERE o.amount > 5
