SELECT order_id,
  coalesce(quantity, 0) AS quantity,
  coalesce(customer_id, NULL, 7, 8) AS customer_id,
  nullif(status, status) AS nothing,
  quantity IS NULL AS no_quantity,
  status IS NOT DISTINCT FROM NULL AS no_status
FROM sales
