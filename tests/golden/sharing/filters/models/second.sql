SELECT store_id, sum(amount) AS revenue
FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY ordered_on, order_id) AS nth FROM orders) AS o
WHERE nth = 2 GROUP BY store_id
