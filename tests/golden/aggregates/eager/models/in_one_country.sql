SELECT c.name, count(DISTINCT o.quantity) AS quantities
FROM orders o
JOIN customers c ON o.customer_id = c.customer_id
WHERE c.country = 'at'
GROUP BY c.name
