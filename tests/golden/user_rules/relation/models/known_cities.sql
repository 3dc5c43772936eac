-- The partner is filtered: the rule refuses.
select order_id
from orders
where exists (select 1 from stores where stores.store_id = orders.store_id and stores.city = 'A')
