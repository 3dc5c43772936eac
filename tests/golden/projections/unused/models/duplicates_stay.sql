SELECT status FROM (SELECT status, quantity, amount FROM sales) AS o
