-- What each store sold.
SELECT
    store_id,
    SUM(amount) AS revenue,
    COUNT(*) AS n_sales,
    AVG(quantity) AS mean_quantity,
    MAX(amount) AS largest_sale
FROM sales
GROUP BY store_id
