SELECT status, count(*) AS n FROM orders TABLESAMPLE bernoulli(100%) WHERE 1 = 1 AND customer_id > 2 GROUP BY status
