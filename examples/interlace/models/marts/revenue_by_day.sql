/* interlace:
  tags: [marts]
  checks:
    - unique: ordered_on
    - not_null: ordered_on
*/
SELECT ordered_on, SUM(amount) AS revenue, COUNT(*) AS n_orders
FROM staging.orders_by_country
WHERE ordered_on >= var('since')
GROUP BY ordered_on
