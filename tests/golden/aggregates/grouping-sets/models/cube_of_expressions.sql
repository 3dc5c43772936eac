SELECT store_id % 3 AS region, upper(status) AS state, sum(quantity) AS quantity
FROM orders GROUP BY CUBE (store_id % 3, upper(status)) ORDER BY region NULLS LAST, state
