SELECT order_id FROM sales WHERE status NOT IN ('a', NULL)
