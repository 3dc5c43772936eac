SELECT store_id FROM sales UNION (SELECT store_id FROM stores UNION ALL SELECT quantity FROM sales)
