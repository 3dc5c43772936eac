---
materialization: view
tags: [staging]
---
SELECT
    event_id,
    user_id,
    event_time,
    CAST(event_time AS DATE) AS day,
    country,
    revenue
FROM smelt.source('raw.events')
WHERE event_type = 'purchase'
