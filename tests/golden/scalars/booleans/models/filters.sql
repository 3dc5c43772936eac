SELECT order_id FROM sales
WHERE NOT (quantity < 5 OR NOT (status = 'A')) AND (status = 'A' OR (status = 'A' AND amount > 3))
