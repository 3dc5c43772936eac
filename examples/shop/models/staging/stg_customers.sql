select
    customer_id,
    trim(first_name) || ' ' || trim(last_name) as full_name,
    upper(country) as country,
    signed_up_on
from {{ source('raw', 'customers') }}
