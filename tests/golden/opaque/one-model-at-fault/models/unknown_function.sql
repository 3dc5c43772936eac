SELECT soundexx(status) AS s FROM orders
