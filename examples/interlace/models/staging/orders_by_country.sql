/* interlace:
  materialise: ephemeral
  tags: [staging]
*/
SELECT
    o.order_id,
    o.ordered_on,
    o.region,
    o.amount,
    c.country
FROM staging.orders AS o
JOIN raw.customers AS c ON c.customer_id = o.customer_id
