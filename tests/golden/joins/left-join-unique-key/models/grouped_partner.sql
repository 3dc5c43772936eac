SELECT o.order_id
FROM orders AS o
LEFT JOIN (SELECT country, max(name) AS name FROM customers GROUP BY country) AS c ON c.country = o.status
