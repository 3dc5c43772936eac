SELECT c.country, sum(o.amount) AS revenue, avg(o.quantity) AS mean_quantity, count(*) AS n, sum(c.fee) AS fees
FROM orders o
JOIN customers c ON o.customer_id = c.customer_id
GROUP BY c.country
