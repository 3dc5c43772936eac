/* interlace: {tags: [marts]} */
SELECT c.country, COUNT(*) AS n_customers, AVG(s.score) AS mean_score
FROM raw.customers AS c
JOIN customer_scores AS s ON s.customer_id = c.customer_id
GROUP BY c.country
