SELECT order_id, quantity * 1 + 0 AS a, 2 * quantity AS b, (quantity + 1) + 2 AS c, (quantity + 1) - 2 AS near_miss, quantity * 0 AS null_stays FROM sales
