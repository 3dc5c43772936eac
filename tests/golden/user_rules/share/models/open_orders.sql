-- Fires: shared with the lost orders.
select orders.order_id, customers.region
from orders join customers on customers.customer_id = orders.customer_id
where orders.status = 'open'
