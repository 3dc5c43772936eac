SELECT store_id, sum(amount) AS revenue, count(*) AS n FROM orders WHERE status = 'a' GROUP BY store_id
