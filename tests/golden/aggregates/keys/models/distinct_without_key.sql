SELECT DISTINCT status, quantity FROM orders
