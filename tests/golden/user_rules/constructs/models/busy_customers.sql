-- Fires: the other condition stays.
select customer_id, count(*) as n from orders group by customer_id having count(*) > 0 and count(*) < 1000
