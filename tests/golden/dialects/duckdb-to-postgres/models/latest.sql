SELECT store_id, order_id FROM orders
QUALIFY row_number() OVER (PARTITION BY store_id ORDER BY ordered_on DESC, order_id) = 1
