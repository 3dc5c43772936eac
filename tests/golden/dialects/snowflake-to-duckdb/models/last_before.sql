-- Each order with the customer's last one before it; of no such order NULL.
SELECT o.order_id, p.ordered_on AS last_on
FROM orders AS o
ASOF JOIN orders AS p MATCH_CONDITION (o.ordered_on > p.ordered_on) ON o.customer_id = p.customer_id
