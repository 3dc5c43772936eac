SELECT o.order_id, s.city FROM orders AS o JOIN (SELECT * FROM stores WHERE false) AS s ON s.store_id = o.store_id
