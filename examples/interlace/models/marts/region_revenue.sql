/* interlace: {tags: [marts]} */
SELECT SUM(amount) AS revenue
FROM staging.orders_by_country
WHERE ordered_on >= var('since') AND region = var('region')
