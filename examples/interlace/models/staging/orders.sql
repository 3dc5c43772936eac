/* interlace:
  materialise: view
  tags: [staging]
*/
-- Amounts that are not known yet count as nothing.
SELECT
    order_id,
    customer_id,
    region,
    ordered_on,
    COALESCE(amount, 0) AS amount
FROM raw.orders
WHERE status IS NOT NULL
