/* Sessions by the country in which they began. */
with
events as (
    select e.user_id as visitor, e.event_id, e.event_time as seen_at, e.country, e.revenue
    from raw_events as e
),
marked as (
    select
        *,
        case
            when lag(seen_at) over w is null then 1
            when seen_at > lag(seen_at) over w + interval '30 minutes' then 1
            else 0
        end as is_first
    from events
    window w as (partition by visitor order by seen_at, event_id)
),
sessions as (
    select
        visitor,
        session_id,
        arg_min(country, event_id) as first_country,
        count(*) as hits,
        sum(revenue) as amount
    from (
        select
            visitor, event_id, country, revenue,
            sum(is_first) over (partition by visitor order by seen_at, event_id rows between unbounded preceding and current row) as session_id
        from marked
    ) as m
    group by 1, 2
)
select first_country as country, count(*) as sessions, sum(amount) as revenue, avg(hits) as hits_per_session
from sessions
group by first_country
