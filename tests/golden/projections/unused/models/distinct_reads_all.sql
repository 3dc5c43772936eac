SELECT status FROM (SELECT DISTINCT status, quantity FROM sales) AS o
