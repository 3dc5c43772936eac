SELECT store_id, kind
FROM (SELECT store_id, 'order' AS kind FROM sales UNION ALL SELECT store_id, 'store' FROM stores) AS u
WHERE store_id = 5 AND kind = 'store'
