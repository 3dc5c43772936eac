WITH numbered AS (
  SELECT order_id, amount,
    row_number() OVER (PARTITION BY store_id ORDER BY ordered_on, order_id) AS n,
    sum(amount) OVER (PARTITION BY customer_id) AS of_customer
  FROM sales
)
SELECT order_id, amount FROM numbered WHERE n = 1
