SELECT order_id, share
FROM (SELECT order_id, quantity, amount / quantity AS share FROM sales WHERE quantity <> 0) AS divided
WHERE share > 3
