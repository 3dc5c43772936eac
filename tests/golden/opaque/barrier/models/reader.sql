SELECT order_id FROM frozen WHERE quantity > 5 AND 1 = 1
