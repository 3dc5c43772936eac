SELECT order_id, CAST(quantity AS integer) AS quantity, CAST(CAST(quantity AS bigint) AS integer) AS there_and_back,
  CAST(amount AS integer) AS rounded
FROM sales
WHERE CAST(quantity AS bigint) = 5 AND CAST(ordered_on AS timestamp) >= TIMESTAMP '2024-01-01 00:00:00'
