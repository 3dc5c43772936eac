SELECT quantity, median(CAST(amount AS double)) AS typical FROM orders GROUP BY quantity
