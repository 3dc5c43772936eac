SELECT order_id, 1 + 2 * 3 AS seven, 'a' || 'b' AS ab, quantity * 1 + 0 AS quantity, upper(upper(status)) AS loud,
  7 / 2 AS quotient, 7 // 2 AS whole, 7 % 0 AS no_remainder
FROM sales WHERE 2 > 1 AND ordered_on >= DATE '2024-01-31' + INTERVAL 1 MONTH
