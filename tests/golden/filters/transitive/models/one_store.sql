SELECT s.city, o.amount FROM sales AS o JOIN stores AS s ON s.store_id = o.store_id WHERE o.store_id = 7
