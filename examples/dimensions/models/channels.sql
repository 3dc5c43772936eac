/* Channels side by side, the small stores left out. */
SELECT s.channel, COUNT(*) AS n_sales, SUM(s.quantity) AS units, MIN(s.amount) AS smallest_sale
FROM sales s
WHERE s.store_id > 3 AND s.store_id IS NOT NULL
GROUP BY s.channel
ORDER BY s.channel
