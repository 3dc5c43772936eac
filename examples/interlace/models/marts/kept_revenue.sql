/* interlace: {tags: [marts]} */
SELECT COUNT(DISTINCT order_id) AS n_orders, SUM(amount) AS revenue FROM marts.order_history
