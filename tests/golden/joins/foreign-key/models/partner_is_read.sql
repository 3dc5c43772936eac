SELECT o.order_id, s.city FROM orders AS o JOIN stores AS s ON s.store_id = o.store_id
