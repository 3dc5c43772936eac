with completed as (
    select order_id, customer_id, order_date
    from {{ ref('stg_orders') }}
    where status = 'completed'
),

spent as (
    select
        completed.customer_id,
        min(completed.order_date) as first_order_date,
        max(completed.order_date) as last_order_date,
        count(distinct completed.order_id) as n_orders,
        sum(lines.revenue) as lifetime_revenue
    from completed
    join {{ ref('int_order_lines') }} as lines using (order_id)
    group by completed.customer_id
)

select
    c.customer_id,
    c.full_name,
    c.country,
    c.signed_up_on,
    s.first_order_date,
    s.last_order_date,
    coalesce(s.n_orders, 0) as n_orders,
    coalesce(s.lifetime_revenue, 0) as lifetime_revenue
from {{ ref('stg_customers') }} as c
left join spent as s on s.customer_id = c.customer_id
