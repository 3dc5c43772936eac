SELECT c.country, count(o.amount) AS n
FROM customers c
LEFT JOIN orders o ON o.customer_id = c.customer_id
GROUP BY c.country
