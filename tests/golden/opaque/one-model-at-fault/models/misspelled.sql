SELECT order_id, ammount FROM orders
