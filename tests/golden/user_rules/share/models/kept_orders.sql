-- Does not fire: customers that are missing show as NULL.
select orders.amount, customers.score
from orders left join customers on customers.customer_id = orders.customer_id and customers.region = 1
where orders.status = 'kept'
