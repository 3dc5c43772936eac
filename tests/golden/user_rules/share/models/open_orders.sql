-- Fires: shared with the lost orders.
select orders.amount, customers.region
from (select customer_id, sum(amount) as amount, count(*) as n from orders group by customer_id) as orders
join customers on customers.customer_id = orders.customer_id
where orders.n = 1
