SELECT min(ordered_on) AS first_day, sum(amount) AS revenue, avg(amount) AS average FROM orders
