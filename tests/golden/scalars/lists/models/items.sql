SELECT cart_id, item, buyer.name AS buyer
FROM carts, unnest(list_filter(items, lambda i: i > 0)) AS u(item)
WHERE cart_id > 1 AND 1 = 1
