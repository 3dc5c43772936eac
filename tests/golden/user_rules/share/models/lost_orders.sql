-- Fires: shared with the open orders.
select orders.amount, customers.name
from orders join customers on customers.customer_id = orders.customer_id
where orders.status = 'lost' and orders.amount > 100
