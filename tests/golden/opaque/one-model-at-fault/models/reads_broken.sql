SELECT order_id FROM broken WHERE 1 = 1
