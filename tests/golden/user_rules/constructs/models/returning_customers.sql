-- Fires: the orders stand twice.
select distinct o.customer_id
from orders as o join orders as other on other.customer_id = o.customer_id and other.ordered_on <> o.ordered_on
