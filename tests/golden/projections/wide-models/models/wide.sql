SELECT o.*, s.city, s.area, upper(o.status) AS loud_status, o.amount * o.quantity AS total
FROM orders AS o JOIN stores AS s USING (store_id)
