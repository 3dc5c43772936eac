SELECT o.id FROM o WHERE o.amount > (SELECT avg(amount) FROM o AS other WHERE other.g = o.g)
