-- Does not fire: of the orders of the first day any may be shown.
select order_id, ordered_on from orders order by ordered_on limit 1
