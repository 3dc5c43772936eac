SELECT count(*) AS n FROM (SELECT order_id FROM orders WHERE random() < 2) AS s
