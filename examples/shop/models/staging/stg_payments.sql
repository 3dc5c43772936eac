-- Failed attempts are no payments.
select
    payment_id,
    order_id,
    method,
    amount
from {{ source('raw', 'payments') }}
where state = 'settled'
