SELECT order_id, date_diff('day', lag(ordered_on) OVER (PARTITION BY store_id ORDER BY ordered_on, order_id), ordered_on) AS gap
FROM orders
