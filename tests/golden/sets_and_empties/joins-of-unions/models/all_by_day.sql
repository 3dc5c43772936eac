SELECT u.sold_on, p.category, u.amount
FROM (SELECT sold_on, product_id, amount FROM web UNION ALL SELECT sold_on, article, price FROM shop WHERE price > 100) AS u
JOIN products p ON u.product_id = p.product_id
WHERE p.category = 'a'
