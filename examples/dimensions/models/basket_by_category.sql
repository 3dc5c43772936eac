with online as (
    select category, quantity, amount
    from sales
    where channel <> 'A'
)
select
    coalesce(category, 'unknown') as category,
    avg(quantity) as mean_quantity,
    sum(amount) as revenue,
    count(amount) as n_priced
from online
group by 1
