SELECT s.city, (SELECT count(*) FROM orders AS o WHERE o.store_id = s.store_id AND o.quantity > 4) AS n FROM stores AS s
