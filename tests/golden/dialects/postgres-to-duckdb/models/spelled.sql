SELECT Order_Id, quantity / 2 AS half, quantity / CAST(2 AS double precision) AS exact_half, status::varchar AS Status,
  date_trunc('month', ordered_on) AS month
FROM orders ORDER BY amount DESC LIMIT 5
