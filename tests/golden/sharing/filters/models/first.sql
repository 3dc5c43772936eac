SELECT store_id, sum(amount) AS revenue, count(*) AS n
FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY ordered_on, order_id) AS nth FROM orders) AS o
WHERE nth = 1 GROUP BY store_id
