-- The reference is declared: fires below the aggregate, beside the other filter.
select customer_id, sum(amount) as revenue
from orders
where exists (select 1 from stores where stores.store_id = orders.store_id)
    and amount > 10
group by customer_id
