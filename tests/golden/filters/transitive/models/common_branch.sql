SELECT s.city, o.amount
FROM sales AS o, stores AS s
WHERE (s.store_id = o.store_id AND s.city = 'A' AND o.quantity > 5)
   OR (s.store_id = o.store_id AND s.city = 'a' AND o.quantity > 9)
