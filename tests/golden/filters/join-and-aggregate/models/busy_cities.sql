SELECT city, year, revenue
FROM (
  SELECT s.city, extract(year FROM o.ordered_on) AS year, sum(o.amount) AS revenue, count(*) AS n
  FROM orders AS o
  JOIN stores AS s ON s.store_id = o.store_id
  GROUP BY s.city, extract(year FROM o.ordered_on)
) AS by_city
WHERE city = 'A' AND year > 2020 AND n > 3
