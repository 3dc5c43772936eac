-- Does not fire: one of the branches reads other customers.
select orders.amount, customers.region
from orders left join customers on customers.customer_id = orders.customer_id
union all
select returns.amount, customers.region
from returns left join (select * from customers where region = 'A') as customers
    on customers.customer_id = returns.customer_id
