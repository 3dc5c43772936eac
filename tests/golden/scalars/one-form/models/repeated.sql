SELECT order_id, (status || 'a') || 'b' AS a, upper(upper(status)) AS b, trim(trim(status)) AS c, status IS DISTINCT FROM NULL AS d, TRY_CAST(quantity AS bigint) AS e FROM sales
