WITH by_store AS (
  SELECT store_id, sum(amount) AS revenue, count(DISTINCT customer_id) AS n_customers, max(ordered_on) AS last_day
  FROM sales GROUP BY store_id
)
SELECT store_id, revenue FROM by_store WHERE last_day > DATE '2024-01-01'
