SELECT c.id, (SELECT count(*) FROM o WHERE o.cid = c.id) AS n, (SELECT sum(amount) FROM o WHERE o.cid = c.id AND o.g = 1) AS s
FROM c
