SELECT status, sum(amount) AS revenue, max(quantity) AS most, count(customer_id) AS n FROM orders GROUP BY status
