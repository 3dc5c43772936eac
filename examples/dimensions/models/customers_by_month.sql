-- How many people bought, month by month, in 2024.
SELECT
    date_trunc('month', sold_on) AS month,
    COUNT(DISTINCT customer_id) AS n_customers
FROM sales
WHERE EXTRACT(year FROM sold_on) = 2024
GROUP BY date_trunc('month', sold_on)
