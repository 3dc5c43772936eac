SELECT cart_id, items[1] AS first_item, len(items) AS n, {'age': buyer.age, 'ages': [buyer.age, 18]} AS ages
FROM (SELECT * FROM carts WHERE TRUE) c
