select
    order_id,
    sum(amount) as paid,
    count(*) as n_payments
from {{ ref('stg_payments') }}
group by order_id
