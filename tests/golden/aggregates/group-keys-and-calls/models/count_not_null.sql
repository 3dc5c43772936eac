SELECT store_id, count(quantity) AS n, count(customer_id) AS n_customers FROM orders GROUP BY store_id
