SELECT store_id, avg(ordered_on - before) AS gap
FROM (SELECT *, lag(ordered_on) OVER (PARTITION BY store_id ORDER BY ordered_on, order_id) AS before FROM orders) AS o
GROUP BY store_id
