-- Kept with its comment, and the blanks  behind it.
select order_id, iff(amount > 10, 'large', 'small')  as size
from orders
where ordered_on >= dateadd(day, -7, '2024-02-01'::date) and 1 = 1
qualify row_number() over (partition by customer_id order by ordered_on desc, order_id) = 1
