SELECT order_id, quantity / 2 AS half, quantity // 2 AS whole, ordered_on + 7 AS next_week,
  date_trunc('month', ordered_on) AS month, "quantity" AS "Two Words"
FROM orders ORDER BY amount DESC LIMIT 5
