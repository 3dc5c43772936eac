WITH sold AS (
  SELECT c.country, o.quantity, o.amount
  FROM orders AS o JOIN customers AS c ON o.customer_id = c.customer_id
  WHERE o.status = 'A' AND o.quantity > 2
)
SELECT country, sum(amount) AS revenue FROM sold GROUP BY country
