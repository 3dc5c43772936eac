---
tags: [marts, daily]
description: What each country bought, day by day
---
SELECT
    p.day,
    p.country,
    SUM(p.revenue) AS revenue,
    COUNT(*) AS n_purchases
FROM smelt.ref('purchases', filter => country IS NOT NULL) AS p
GROUP BY p.day, p.country
