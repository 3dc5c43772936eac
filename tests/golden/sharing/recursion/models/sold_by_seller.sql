SELECT staff_id, sum(amount) AS amount FROM sales GROUP BY staff_id HAVING sum(amount) > 1000
