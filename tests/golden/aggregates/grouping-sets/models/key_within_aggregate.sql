SELECT quantity, sum(quantity) AS quantities, count(quantity + 1) AS n FROM orders GROUP BY CUBE (quantity)
