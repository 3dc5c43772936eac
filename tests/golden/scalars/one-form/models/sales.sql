SELECT o.* FROM orders AS o LEFT JOIN stores AS s ON s.store_id = o.store_id
