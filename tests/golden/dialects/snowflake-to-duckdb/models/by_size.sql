select size, count(*) as n, listagg(order_id::varchar, ',') within group (order by order_id) as orders
from recent
group by 1
