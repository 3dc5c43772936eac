SELECT store_id FROM sales INTERSECT SELECT store_id FROM stores WHERE city = 'A'
