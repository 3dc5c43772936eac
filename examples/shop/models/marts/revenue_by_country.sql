-- The same sales as by day, seen by where the customer lives.
with sold as (
    select l.revenue, l.quantity, o.customer_id, date_trunc('month', o.order_date) as month
    from {{ ref('int_order_lines') }} as l, {{ ref('stg_orders') }} as o
    where o.order_id = l.order_id and o.status = 'completed'
)
select
    c.country,
    sold.month,
    sum(sold.revenue) as revenue,
    avg(sold.quantity) as units_per_line
from sold
join {{ ref('stg_customers') }} as c on c.customer_id = sold.customer_id
group by 1, 2
