SELECT site, count(*) AS people FROM staff WHERE 1 = 1 AND boss > 0 GROUP BY site
