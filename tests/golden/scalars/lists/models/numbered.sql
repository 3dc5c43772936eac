SELECT n.cart_id, n.item, n.place
FROM (SELECT cart_id, item, place, row_number() OVER (ORDER BY cart_id) AS unused FROM carts, unnest(items) WITH ORDINALITY AS u(item, place)) n
JOIN (SELECT DISTINCT cart_id FROM carts) c ON c.cart_id = n.cart_id
WHERE n.cart_id > 0
