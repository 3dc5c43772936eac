SELECT order_id,
  CASE WHEN false THEN 'no' WHEN quantity > 5 THEN 'many' ELSE 'few' END AS size,
  CASE WHEN true THEN status ELSE 'x' END AS status,
  CASE WHEN amount > 5 THEN 'big' END AS big_or_null,
  CASE status WHEN 'A' THEN 1 WHEN NULL THEN 2 ELSE 0 END AS null_never_matches
FROM sales
