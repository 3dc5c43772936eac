SELECT u.sale, u.title
FROM (
  SELECT w.web_id AS sale, p.title FROM web w LEFT JOIN products p ON w.product_id = p.product_id
  UNION ALL
  SELECT -shop_id, 'in the shop' FROM shop
) AS u
ORDER BY u.sale
LIMIT 20
