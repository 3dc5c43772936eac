SELECT draw, draw AS same_draw FROM (SELECT random() AS draw FROM sales) AS d WHERE draw - draw <> 0
