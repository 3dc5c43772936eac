SELECT store_id FROM sales UNION ALL (SELECT store_id FROM stores UNION SELECT quantity FROM sales)
