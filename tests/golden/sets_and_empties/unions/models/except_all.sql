SELECT store_id FROM sales EXCEPT ALL SELECT store_id FROM stores
