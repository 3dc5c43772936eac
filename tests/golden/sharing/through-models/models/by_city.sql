SELECT city, sum(amount) AS revenue FROM paid GROUP BY city
