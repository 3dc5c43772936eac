SELECT w.sold_on, p.category, w.amount FROM web w JOIN products p ON w.product_id = p.product_id AND p.category = 'a'
