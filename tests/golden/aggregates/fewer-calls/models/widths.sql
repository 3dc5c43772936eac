SELECT page, sum(width) AS w0, sum(width + 1) AS w1, sum(width + 2) AS w2, sum(width + 3) AS w3, sum(2 * width) AS w4
FROM hits
GROUP BY page
