with noted as (
    select order_id, product_id, quantity from items where note is not null
)
select product_id, order_id, sum(quantity) as units, count(*) as n
from noted
group by product_id, order_id -- finer
