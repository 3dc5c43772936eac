SELECT status, count(*) AS n FROM orders WHERE status = 'A' GROUP BY status
