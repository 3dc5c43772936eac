SELECT order_id FROM sales WHERE amount > 5 AND amount < 6
