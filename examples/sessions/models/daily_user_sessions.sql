-- How often, how long and for how much each user was here on a day.
WITH gaps AS (
    SELECT
        user_id,
        event_id,
        event_time,
        revenue,
        LAG(event_time) OVER (PARTITION BY user_id ORDER BY event_time, event_id) AS previous_time
    FROM raw_events
),
numbered AS (
    SELECT
        user_id,
        event_time,
        revenue,
        SUM(CASE WHEN previous_time IS NULL OR event_time > previous_time + INTERVAL 30 MINUTE THEN 1 ELSE 0 END)
            OVER (PARTITION BY user_id ORDER BY event_time, event_id ROWS UNBOUNDED PRECEDING) AS session_number
    FROM gaps
),
session_summary AS (
    SELECT
        user_id,
        session_number,
        MIN(event_time) AS started_at,
        MAX(event_time) AS ended_at,
        COUNT(*) AS n_events,
        SUM(revenue) AS session_revenue
    FROM numbered
    GROUP BY user_id, session_number
)
SELECT
    CAST(started_at AS DATE) AS day,
    user_id,
    COUNT(*) AS sessions,
    SUM(n_events) AS events,
    SUM(date_diff('second', started_at, ended_at)) AS seconds,
    SUM(session_revenue) AS revenue
FROM session_summary
GROUP BY CAST(started_at AS DATE), user_id
