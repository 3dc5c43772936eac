-- Fires: a window over whole partitions.
select distinct customer_id, max(amount) over (partition by customer_id) as largest from orders
