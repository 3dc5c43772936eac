SELECT status FROM orders EXCEPT SELECT city FROM stores WHERE false
