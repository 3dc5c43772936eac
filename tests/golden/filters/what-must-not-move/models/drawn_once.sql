SELECT order_id, draw FROM (SELECT order_id, random() AS draw FROM sales) AS drawn WHERE draw > 2
