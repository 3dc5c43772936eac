SELECT hit_id, sum(width) OVER (PARTITION BY page ORDER BY hit_id) AS so_far, sum(width) OVER (PARTITION BY referrer) AS of_referrer
FROM hits
