SELECT c.customer_id, c.name, max(o.amount) AS largest, count(DISTINCT o.quantity) AS quantities
FROM customers c
JOIN orders o ON o.customer_id = c.customer_id
GROUP BY c.customer_id, c.name
