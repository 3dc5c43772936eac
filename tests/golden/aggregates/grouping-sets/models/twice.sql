SELECT status, count(*) AS n FROM orders GROUP BY GROUPING SETS ((status), (status), (), ())
