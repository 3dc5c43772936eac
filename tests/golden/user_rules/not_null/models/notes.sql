-- Does not fire: a note may be NULL.
select order_id, concat(note, '') as note from orders
