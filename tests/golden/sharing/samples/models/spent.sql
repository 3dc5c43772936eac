SELECT max(q.spent) AS most FROM (SELECT customer_id, sum(amount) AS spent FROM orders GROUP BY customer_id) AS q
