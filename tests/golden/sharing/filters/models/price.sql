SELECT store_id, sum(amount / quantity) AS price FROM orders WHERE quantity <> 0 GROUP BY store_id
