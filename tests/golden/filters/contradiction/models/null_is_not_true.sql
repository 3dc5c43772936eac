SELECT order_id FROM sales WHERE status = NULL
