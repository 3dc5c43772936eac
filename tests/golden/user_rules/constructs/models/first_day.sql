-- Fires: rows that tie show the same.
select ordered_on from orders order by ordered_on limit 1
