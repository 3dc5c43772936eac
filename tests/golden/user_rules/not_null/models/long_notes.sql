-- Fires: the filter lets no NULL through.
select order_id, concat(note, '') as note from orders where length(note) > 10
