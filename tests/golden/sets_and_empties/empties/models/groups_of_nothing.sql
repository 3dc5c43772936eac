SELECT status, count(*) AS n FROM orders WHERE 1 = 2 GROUP BY status
