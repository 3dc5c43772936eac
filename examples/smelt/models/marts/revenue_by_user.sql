---
tags: [marts]
description: What each user bought
---
SELECT
    user_id,
    SUM(revenue) AS revenue,
    COUNT(*) AS n_purchases,
    MIN(event_time) AS first_purchase
FROM smelt.ref('purchases')
GROUP BY user_id
