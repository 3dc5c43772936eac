SELECT order_id, total AS "Total of the order" FROM wide WHERE loud_status = 'A'
