SELECT order_id FROM sales WHERE abs(-CAST(amount AS double)) > 5
