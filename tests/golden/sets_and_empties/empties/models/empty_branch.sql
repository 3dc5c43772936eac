SELECT order_id FROM orders WHERE false UNION ALL SELECT store_id FROM stores
