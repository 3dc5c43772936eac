-- Fires: both branches read the customers.
select orders.amount, customers.region
from orders left join customers on customers.customer_id = orders.customer_id
union all
select returns.amount, customers.region
from returns left join customers on customers.customer_id = returns.customer_id
