SELECT g, count(*) AS n FROM o GROUP BY g
