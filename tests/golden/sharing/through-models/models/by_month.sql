SELECT date_trunc('month', ordered_on) AS month, sum(amount) AS revenue, count(*) AS n FROM paid GROUP BY 1
