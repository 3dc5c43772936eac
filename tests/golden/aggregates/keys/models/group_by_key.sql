SELECT order_id, sum(amount) AS amount, count(*) AS n, count(customer_id) AS has_customer, avg(quantity) AS quantity
FROM orders GROUP BY order_id
