SELECT hit_id, width, sum(width) OVER (PARTITION BY page) AS of_page, count(*) OVER () AS of_all
FROM hits
