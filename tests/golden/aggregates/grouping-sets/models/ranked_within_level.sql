SELECT store_id, status, sum(amount) AS revenue, GROUPING(store_id) + GROUPING(status) AS level,
    rank() OVER (
        PARTITION BY GROUPING(store_id) + GROUPING(status), CASE WHEN GROUPING(status) = 0 THEN store_id END
        ORDER BY sum(amount) DESC
    ) AS place
FROM orders GROUP BY ROLLUP (store_id, status)
