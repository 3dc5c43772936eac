SELECT o.order_id, c.country FROM orders AS o LEFT JOIN customers AS c ON c.customer_id = o.customer_id
WHERE coalesce(c.country, 'A') = 'A'
