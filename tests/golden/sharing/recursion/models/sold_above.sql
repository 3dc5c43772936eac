-- Whom each sale counts for: the seller, and everybody above.
WITH RECURSIVE sold AS (
    SELECT staff_id, sum(amount) AS amount FROM sales GROUP BY staff_id
),
above AS (
    SELECT staff_id AS person, amount, 0 AS height FROM sold
    UNION ALL
    SELECT staff.boss, above.amount, above.height + 1
    FROM above JOIN staff ON staff.id = above.person
    WHERE above.height < 20
)
SELECT person, sum(amount) AS amount FROM above WHERE person IS NOT NULL GROUP BY person
