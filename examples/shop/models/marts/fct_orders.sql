with totals as (
    select
        order_id,
        sum(revenue) as revenue,
        sum(quantity) as n_units
    from {{ ref('int_order_lines') }}
    group by order_id
)

select
    o.order_id,
    o.customer_id,
    o.order_date,
    o.status,
    t.revenue,
    t.n_units,
    coalesce(p.paid, 0) as paid,
    coalesce(p.paid, 0) >= t.revenue as is_paid
from {{ ref('stg_orders') }} as o
left join totals as t on t.order_id = o.order_id
left join {{ ref('int_order_payments') }} as p on p.order_id = o.order_id
