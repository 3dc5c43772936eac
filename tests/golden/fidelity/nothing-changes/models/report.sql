-- The product is read here.
with
-- Orders that were paid.
paid as (
    select order_id,
           customer_id,   -- who
           amount
    from   orders
    where  status = 'paid'   -- not 'pending'
),

/* Pieces of each order; the product is not read. */
pieces as (
    select i.order_id,
           sum(i.quantity) as units,  -- pieces
           max(i.quantity * p.price) as most
    -- every line counts
    from   items i
    left join products p on p.product_id = i.product_id
    group  by i.order_id
),

by_country as (
    select c.country, p.order_id, p.amount, count(*) over (partition by c.country) as n
    from paid as p join customers c on c.customer_id = p.customer_id
)

select b.country,
       sum(b.amount) as revenue,   -- net
       sum(l.units)  as units,
       max(l.most) as most,
       max(b.n) as n
from by_country b left join pieces l on l.order_id = b.order_id
group by b.country   -- one row each
order by revenue desc
