SELECT order_id, quantity / 2 AS half, `status` AS `Two words`, date_add(ordered_on, 7) AS next_week
FROM orders ORDER BY amount, order_id LIMIT 5
