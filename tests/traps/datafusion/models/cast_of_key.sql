SELECT k, count(*) AS n FROM (SELECT DISTINCT d, CAST(d AS timestamp) AS k FROM t CROSS JOIN totals) AS q WHERE reverse(reverse('a')) = 'a' GROUP BY k
