---
materialization: view
tags: [marts]
description: Purchases with a price, counted up to a thousand, to see that data arrives
---
SELECT COUNT(*) AS n_purchases
FROM smelt.ref('purchases', filter => revenue > 0, limit => 1000)
