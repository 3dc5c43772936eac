SELECT c.name, o.*, s.city AS in_city, s.area
FROM customers AS c
JOIN orders AS o ON o.customer_id = c.customer_id
JOIN stores AS s ON s.store_id = o.store_id
LEFT JOIN stores AS unread ON unread.store_id = o.store_id
WHERE s.city = 'A'
