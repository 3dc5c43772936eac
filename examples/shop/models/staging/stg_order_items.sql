select
    order_id,
    line_number,
    product_id,
    quantity,
    coalesce(discount, 0) as discount
from {{ source('raw', 'order_items') }}
