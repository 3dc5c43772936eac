SELECT order_id FROM (SELECT order_id, random() AS draw FROM sales) AS d
