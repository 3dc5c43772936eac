SELECT c.name, s.city, o.amount
FROM customers AS c, stores AS s, orders AS o
WHERE o.customer_id = c.customer_id AND s.store_id = o.store_id AND c.country = 'A'
