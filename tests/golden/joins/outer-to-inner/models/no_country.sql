SELECT o.order_id FROM orders AS o LEFT JOIN customers AS c ON c.customer_id = o.customer_id
WHERE c.country IS NULL
