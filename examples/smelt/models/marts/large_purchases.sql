---
tags: [marts]
description: Purchases of 150 and more, with the buyer's total
---
SELECT
    l.event_id,
    l.day,
    l.revenue,
    u.revenue AS revenue_of_user
FROM smelt.ref('purchases', filter => revenue >= 150) AS l
JOIN smelt.ref('revenue_by_user') AS u ON u.user_id = l.user_id
