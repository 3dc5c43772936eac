SELECT store_id, sum(amount) AS revenue FROM orders WHERE status = 'A' GROUP BY store_id
