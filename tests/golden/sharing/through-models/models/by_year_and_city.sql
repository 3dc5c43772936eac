SELECT extract(year FROM ordered_on) AS year, city, max(amount) AS most FROM paid GROUP BY ALL
