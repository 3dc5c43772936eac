SELECT order_id, starts_with(status, 'a') AS a, left(status, 2) = 'ab' AS b, status LIKE 'a' AS c, starts_with(status, 'a_') AS near_miss FROM sales
