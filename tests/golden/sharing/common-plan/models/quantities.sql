SELECT p.quantity, median(p.amount) AS typical
FROM (
  SELECT b.quantity, b.amount
  FROM customers AS a JOIN orders AS b ON a.customer_id = b.customer_id
  WHERE b.quantity > 2 AND b.status = 'A'
) AS p
GROUP BY p.quantity
