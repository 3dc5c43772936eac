SELECT order_id FROM sales WHERE status IN ('a', 'b') AND status > 'a' AND status > 'B'
