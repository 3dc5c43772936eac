SELECT order_id FROM sales ORDER BY amount DESC NULLS FIRST, order_id LIMIT 7
