select size, count(*) as n from recent group by 1
