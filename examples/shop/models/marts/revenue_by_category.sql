SELECT
    lines.category,
    SUM(lines.revenue) AS revenue,
    SUM(lines.quantity) AS n_units,
    MAX(lines.revenue) AS largest_line
FROM (
    SELECT * FROM {{ ref('stg_orders') }} WHERE status IN ('completed')
) AS done
JOIN {{ ref('int_order_lines') }} AS lines ON done.order_id = lines.order_id
GROUP BY lines.category
