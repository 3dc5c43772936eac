SELECT store_id, sum(amount) AS revenue, count(*) AS n, avg(quantity) AS quantity FROM orders GROUP BY store_id
