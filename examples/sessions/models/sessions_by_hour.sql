-- When sessions start, hour by hour.
SELECT
    EXTRACT(hour FROM s.first_event) AS hour_of_day,
    COUNT(*) AS n_sessions,
    SUM(s.n) AS n_events,
    MAX(s.last_event) AS latest_end
FROM (
    SELECT t.user_id, t.sid, MIN(t.event_time) AS first_event, MAX(t.event_time) AS last_event, COUNT(*) AS n
    FROM (
        SELECT
            p.user_id,
            p.event_time,
            SUM(CASE WHEN p.prev IS NULL OR p.prev + INTERVAL '30' MINUTE < p.event_time THEN 1 ELSE 0 END)
                OVER (PARTITION BY p.user_id ORDER BY p.event_time, p.event_id
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS sid
        FROM (
            SELECT
                raw_events.user_id,
                raw_events.event_id,
                raw_events.event_time,
                LAG(raw_events.event_time) OVER (PARTITION BY raw_events.user_id
                                                 ORDER BY raw_events.event_time, raw_events.event_id) AS prev
            FROM raw_events
        ) AS p
    ) AS t
    GROUP BY t.user_id, t.sid
) AS s
GROUP BY EXTRACT(hour FROM s.first_event)
