-- Up to the next day of the customer: DataFusion has no ASOF.
SELECT o.order_id, p.ordered_on AS last_on
FROM orders AS o
ASOF LEFT JOIN orders AS p ON o.customer_id = p.customer_id AND o.ordered_on >= p.ordered_on
