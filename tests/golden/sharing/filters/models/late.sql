SELECT store_id, max(ordered_on) AS last_day FROM orders WHERE status = 'v5' GROUP BY store_id
