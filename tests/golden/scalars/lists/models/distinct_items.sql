SELECT DISTINCT cart_id, item
FROM (SELECT DISTINCT cart_id, item, buyer.age AS age FROM carts LEFT JOIN unnest(items) AS u(item) ON TRUE) d
