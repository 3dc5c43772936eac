SELECT status, count(*) FILTER (WHERE quantity > 5) AS many, string_agg(status, ',') AS all_of_them
FROM orders GROUP BY status
