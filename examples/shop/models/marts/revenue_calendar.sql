-- Every day of the year, also those without a sale.
with recursive days as (
    select date '2025-01-01' as day
    union all
    select cast(day + interval 1 day as date) from days where day < date '2025-12-31'
)
select
    days.day,
    coalesce(r.revenue, 0) as revenue
from days
left join {{ ref('revenue_by_day') }} as r on r.order_date = days.day
