/* interlace: {tags: [marts], checks: [{unique: country}]} */
SELECT country, SUM(amount) AS revenue, MAX(amount) AS largest_order
FROM staging.orders_by_country
WHERE ordered_on >= var('since')
GROUP BY country
