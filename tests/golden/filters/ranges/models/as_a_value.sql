SELECT order_id, customer_id < 5 OR customer_id >= 5 AS not_in_a_filter FROM sales
