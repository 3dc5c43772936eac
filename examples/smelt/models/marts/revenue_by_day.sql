---
tags: [marts, daily]
description: What was bought each day
---
SELECT
    day,
    SUM(revenue) AS revenue,
    COUNT(*) AS n_purchases,
    COUNT(DISTINCT user_id) AS n_buyers
FROM smelt.ref('purchases')
GROUP BY day
