SELECT DISTINCT o.order_id FROM orders AS o LEFT JOIN customers AS c ON c.country = o.status
