SELECT status, median(amount) AS typical FROM orders GROUP BY status
