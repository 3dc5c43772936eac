SELECT o.order_id, o.amount, o.ordered_on, s.city
FROM orders AS o JOIN stores AS s ON s.store_id = o.store_id
WHERE o.status = 'A'
