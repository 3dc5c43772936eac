SELECT status, count(*) FILTER (WHERE quantity > 5) AS many, CAST(sum(amount) AS varchar) AS total
FROM orders GROUP BY status
