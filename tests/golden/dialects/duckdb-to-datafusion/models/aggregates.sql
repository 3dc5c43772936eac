SELECT status, count(*) FILTER (WHERE quantity > 5) AS many, arg_max(order_id, amount) AS best
FROM orders GROUP BY status
