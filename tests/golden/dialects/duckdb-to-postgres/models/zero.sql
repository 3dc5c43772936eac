SELECT order_id, amount / quantity AS share, quantity % (quantity - 3) AS remainder FROM orders WHERE amount / quantity > 3
