SELECT
  order_id,
  IF(amount > 10, 'large', 'small') AS size,
  GREATEST(customer_id, order_id) AS greater,
  DATE_TRUNC(ordered_on, WEEK) AS week,
  DATE_SUB(ordered_on, INTERVAL 1 MONTH) AS month_before,
  EXTRACT(DAYOFWEEK FROM ordered_on) AS day_of_week,
  order_id / 2 AS half
FROM orders
WHERE status IN UNNEST(['open', 'sent']) AND TRUE
ORDER BY customer_id, order_id
LIMIT 100
