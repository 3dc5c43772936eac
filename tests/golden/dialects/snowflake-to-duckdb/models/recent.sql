select
    order_id,
    iff(amount > 10, 'large', 'small') as size,
    zeroifnull(amount) as amount,
    greatest(customer_id, order_id) as greater,
    datediff(month, ordered_on, '2024-02-01'::date) as months,
    dateadd(month, 1, ordered_on) as due_on
from orders
where ordered_on >= dateadd(day, -7, '2024-02-01'::date) and 1 = 1
qualify row_number() over (partition by customer_id order by amount, order_id) = 1
