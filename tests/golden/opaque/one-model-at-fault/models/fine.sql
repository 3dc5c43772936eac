SELECT order_id FROM (SELECT * FROM orders WHERE quantity > 3) AS o WHERE quantity > 5
