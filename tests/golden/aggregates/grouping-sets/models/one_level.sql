SELECT * FROM (
    SELECT store_id, status, sum(amount) AS revenue, GROUPING(store_id, status) AS level
    FROM orders GROUP BY CUBE (store_id, status)
) AS cubed
WHERE level = 1
