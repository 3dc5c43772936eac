SELECT order_id, lag(amount) OVER (PARTITION BY store_id ORDER BY ordered_on, order_id) AS before
FROM (SELECT * FROM sales ORDER BY amount) AS o
