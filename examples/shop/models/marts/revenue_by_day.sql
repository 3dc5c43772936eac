select
    orders.order_date,
    sum(lines.revenue) as revenue,
    sum(lines.quantity) as n_units,
    count(*) as n_lines
from {{ ref('stg_orders') }} as orders
inner join {{ ref('int_order_lines') }} as lines
    on lines.order_id = orders.order_id
where orders.status = 'completed'
group by orders.order_date
