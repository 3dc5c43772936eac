SELECT p.title, w.amount FROM web w JOIN products p ON w.product_id = p.product_id AND p.category = 'a'
UNION ALL
SELECT p.title, s.price FROM shop s JOIN products p ON s.article = p.product_id AND p.category = 'a'
