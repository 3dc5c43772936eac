/* Orders with their pieces. */
select i.order_id,                -- the key
       sum(i.quantity) as units   -- pieces
from items i
-- the product is not read
left join products p on p.product_id = i.product_id
where i.note is not null -- noted ones
group by i.order_id
