SELECT o.order_id, o.amount FROM orders AS o LEFT JOIN customers AS c ON c.country = o.status
