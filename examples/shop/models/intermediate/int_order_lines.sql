with items as (
    select * from {{ ref('stg_order_items') }}
),

products as (
    select * from {{ ref('stg_products') }}
)

select
    items.order_id,
    items.line_number,
    items.product_id,
    products.category,
    items.quantity,
    items.quantity * products.price * (1 - items.discount) as revenue
from items
inner join products on products.product_id = items.product_id
