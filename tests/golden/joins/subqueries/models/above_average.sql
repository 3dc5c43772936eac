SELECT o.order_id FROM orders AS o
WHERE o.amount > (SELECT avg(p.amount) FROM orders AS p WHERE p.store_id = o.store_id)
