SELECT store_id, count(DISTINCT customer_id) AS n_customers FROM orders GROUP BY store_id
