-- Does not fire: one of the two is filtered.
select distinct o.customer_id
from orders as o join orders as other
    on other.customer_id = o.customer_id and other.ordered_on <> o.ordered_on and other.amount > 100
