/* interlace:
  strategy: merge
  key: order_id
  columns: {order_id: BIGINT, amount: "DECIMAL(12, 2)"}
  checks:
    - unique: order_id
    - not_null: order_id
*/
SELECT order_id, amount FROM staging.orders
