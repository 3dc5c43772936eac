SELECT store_id, order_id, amount
FROM (SELECT *, row_number() OVER (PARTITION BY store_id ORDER BY ordered_on, order_id) AS n FROM orders) AS o
WHERE n = 1
