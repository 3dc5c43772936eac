-- This model shares its list with another one.
with noted as (
    -- only noted lines
    select order_id, product_id, quantity from items where note is not null
)
select product_id, sum(quantity) as units -- pieces
from noted
group by product_id
