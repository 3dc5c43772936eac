-- Does not fire: a running window.
select distinct customer_id, max(amount) over (partition by customer_id order by ordered_on) as largest from orders
