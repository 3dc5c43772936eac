SELECT store_id, count(*) AS n FROM (SELECT * FROM sales ORDER BY ordered_on) AS o GROUP BY store_id
