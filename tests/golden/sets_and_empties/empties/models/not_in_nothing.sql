SELECT order_id FROM orders WHERE customer_id NOT IN (SELECT store_id FROM stores WHERE false)
