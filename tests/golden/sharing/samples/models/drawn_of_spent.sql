WITH spent AS (SELECT customer_id, sum(amount) AS spent FROM orders GROUP BY customer_id)
SELECT customer_id, spent FROM spent USING SAMPLE reservoir(1000000000 ROWS)
