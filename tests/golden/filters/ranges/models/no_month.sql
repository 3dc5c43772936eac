SELECT order_id FROM sales WHERE date_trunc('month', ordered_on) = DATE '2024-02-02'
