SELECT order_id, n
FROM (
  SELECT order_id, store_id, quantity, row_number() OVER (PARTITION BY store_id ORDER BY order_id) AS n FROM sales
) AS numbered
WHERE store_id = 3 AND quantity > 5
