-- Fires: the code is declared NOT NULL.
select order_id, concat(code, '') as code from orders
