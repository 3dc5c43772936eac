SELECT order_id,
  NOT (amount < 5) AS not_less,
  customer_id = customer_id AS same_as_itself,
  quantity = quantity AS never_null,
  status = 'A' OR true AS always,
  status = 'A' AND false AS never,
  status = 'A' AND NULL AS unknown_or_false,
  NOT (status IS NULL) AS has_status
FROM sales
