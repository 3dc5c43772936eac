-- Relational constructs in DuckDB's words, over the tables of `tests/src/queries.rs`.
-- Each is run as written, through the plan and as optimised, and on the reference interpreter.

-- QUALIFY, named windows, windows over groups
SELECT id, g, row_number() OVER (PARTITION BY g ORDER BY id) AS n FROM t QUALIFY n = 1;
SELECT g, count(*) AS n FROM t GROUP BY g QUALIFY rank() OVER (ORDER BY count(*) DESC) = 1;
SELECT id, sum(x) OVER w AS total FROM t WINDOW w AS (PARTITION BY g ORDER BY id) QUALIFY total > 0;

-- DISTINCT ON
SELECT DISTINCT ON (g) g, id, x FROM t ORDER BY g, id;
SELECT DISTINCT ON (g) g, id FROM t ORDER BY id DESC, x, s, d, m, f, dt;
SELECT DISTINCT ON (1, 2) g, s FROM t ORDER BY g, s;
SELECT DISTINCT ON (k) x + 1 AS k, id FROM t ORDER BY k, id NULLS FIRST LIMIT 2;
SELECT DISTINCT ON (g) g, count(*) AS n FROM t GROUP BY g, s ORDER BY g, n DESC;
SELECT count(*) AS n FROM (SELECT DISTINCT ON (g, x) * FROM t) AS q;

-- GROUP BY ALL, ordinals, aliases; ORDER BY ALL
SELECT g, s, count(*) AS n FROM t GROUP BY ALL;
SELECT g + 1 AS h, sum(x) AS s FROM t GROUP BY 1 ORDER BY 1;
SELECT g + 1 AS h, sum(x) AS s FROM t GROUP BY h HAVING h > 0;
SELECT g, s FROM t ORDER BY ALL;
SELECT g, s FROM t ORDER BY ALL DESC LIMIT 3;

-- Grouping sets
SELECT g, s, count(*) AS n, GROUPING(g, s) AS l FROM t GROUP BY GROUPING SETS ((g, s), (g), ());
SELECT g, sum(x) AS s FROM t WHERE id < -100 GROUP BY ROLLUP (g);
SELECT g, f, max(x) AS most FROM t GROUP BY CUBE (g, f) HAVING GROUPING(g) = 0 AND most IS NOT NULL;
SELECT g % 2 AS p, count(*) AS n FROM t GROUP BY ROLLUP (g % 2, s);
SELECT x, sum(x) AS s FROM t GROUP BY ROLLUP (x);
SELECT DISTINCT count(*) AS n FROM t GROUP BY GROUPING SETS ((g), (g), (s), ());
SELECT * FROM (SELECT g, s, count(*) AS n FROM t GROUP BY CUBE (g, s)) AS q WHERE g IS NULL AND s = 'a';
SELECT q.g, u.x FROM (SELECT g, count(*) AS n FROM t GROUP BY ROLLUP (g)) AS q JOIN u ON q.g = u.x;
SELECT g, s, count(*) AS n FROM t GROUP BY g, ROLLUP (s, f), CUBE (x);

-- Set operations by name and by position, VALUES, TABLE, FROM first
SELECT id, g FROM t UNION ALL BY NAME SELECT x, id FROM u;
SELECT g AS a, s FROM t UNION BY NAME SELECT s, x AS a FROM u;
SELECT id FROM t UNION ALL BY NAME SELECT s FROM u UNION ALL BY NAME SELECT m, id FROM v;
SELECT g FROM t UNION ALL SELECT x FROM u UNION ALL BY NAME SELECT id AS g FROM v;
SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS q(n, s) WHERE s IS NULL;
VALUES (1), (2), (NULL);
WITH q AS (SELECT id FROM t) TABLE q;
FROM u;
FROM u SELECT x, s WHERE x > 0;
FROM t SELECT DISTINCT g ORDER BY g;

-- Stars
SELECT * EXCLUDE (d, m) FROM t;
SELECT * REPLACE (x + 1 AS x) FROM u;
SELECT * RENAME (x AS y, s AS text) FROM u WHERE x > 0;
SELECT * EXCLUDE (id) RENAME (x AS y) FROM u ORDER BY y;
SELECT t.* EXCLUDE (d), u.s AS us FROM t JOIN u ON t.id = u.tid;

-- Joins
SELECT id, t.x, u.s FROM t JOIN u USING (id);
SELECT id, x, t.s FROM t FULL JOIN u USING (id, x);
SELECT id, count(*) AS n FROM t FULL JOIN u USING (id) GROUP BY id;
SELECT * FROM u NATURAL JOIN v;
SELECT id FROM t SEMI JOIN u ON t.id = u.tid;
SELECT id FROM t ANTI JOIN u ON t.id = u.tid;
SELECT id FROM t ANTI JOIN u USING (id);
SELECT t.id, q.n FROM t, LATERAL (SELECT count(*) AS n FROM u WHERE u.tid = t.id) AS q;
SELECT t.id, q.x FROM t LEFT JOIN LATERAL (SELECT x FROM u WHERE u.tid = t.id ORDER BY x, u.id LIMIT 1) AS q ON TRUE;
SELECT * FROM u JOIN v USING (x, id);
SELECT * FROM u LEFT JOIN v USING (x, id);
SELECT * FROM u RIGHT JOIN v USING (x, id);
SELECT * FROM v FULL JOIN u USING (x, id);
SELECT * FROM (SELECT s, tid AS k FROM u) AS a JOIN (SELECT x, id AS k FROM v) AS b USING (k) JOIN (SELECT g, id AS k FROM t) AS c USING (k);
SELECT a.id FROM t AS a RIGHT JOIN u ON a.id = u.tid;

-- PIVOT and UNPIVOT over what is written
SELECT * FROM (SELECT g, s, x FROM t) PIVOT (sum(x) FOR s IN ('a', 'ab'));
SELECT * FROM (SELECT g, s, x FROM t) PIVOT (sum(x) FOR s IN ('a' AS first, 'ab' AS second)) AS q WHERE first IS NULL;
SELECT * FROM (SELECT g, s, x FROM t) PIVOT (sum(x) AS total, count(x) AS n FOR s IN ('a', 'ab'));
SELECT * FROM (SELECT g, s, x FROM t) PIVOT (max(x) AS most FOR s IN ('a'));
SELECT * FROM (SELECT s, x FROM u) PIVOT (count(*) FOR s IN ('a', 'zz'));
SELECT * FROM (SELECT g, x, s FROM t) PIVOT (min(s) FOR x IN (1, 2));
SELECT * FROM (SELECT id, g, x FROM t) UNPIVOT (value FOR name IN (g, x));
SELECT * FROM (SELECT id, g, x FROM t) UNPIVOT INCLUDE NULLS (value FOR name IN (g, x));
SELECT name, sum(value) AS s FROM (SELECT id, g, x FROM t) UNPIVOT (value FOR name IN (g AS 'group', x)) GROUP BY name;

-- Subqueries in any clause
SELECT id, (SELECT max(x) FROM u WHERE u.tid = t.id) AS m FROM t;
SELECT id FROM t WHERE x = (SELECT min(x) FROM u WHERE u.tid = t.id AND u.s = t.s);
SELECT g, (SELECT count(*) FROM u) AS n FROM t GROUP BY g HAVING count(*) > (SELECT min(x) FROM v);
SELECT id FROM t ORDER BY (SELECT max(x) FROM u WHERE u.tid = t.id), id, g, x, s;
SELECT id, x IN (SELECT x FROM u) AS f FROM t;
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.tid = t.id AND EXISTS (SELECT 1 FROM v WHERE v.id = u.id));
SELECT id, CASE WHEN x > (SELECT avg(x) FROM u) THEN 1 ELSE 0 END AS c FROM t;
SELECT t.id FROM t JOIN u ON t.id = u.tid AND u.x > (SELECT min(x) FROM v);
SELECT id, (SELECT u.x FROM u WHERE u.tid = t.id ORDER BY u.x, u.id LIMIT 1) AS least FROM t;

-- Correlated with a query two levels further out, and more
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.x = (SELECT max(v.x) FROM v WHERE v.id = t.id));
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.tid = t.id AND EXISTS (SELECT 1 FROM v WHERE v.id = u.id AND v.x = t.x));
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t AS a WHERE a.g = t.g AND NOT EXISTS (SELECT 1 FROM t AS b WHERE b.x = a.x AND b.id > t.id));
SELECT id, (SELECT count(*) FROM u WHERE u.tid = t.id AND u.x IN (SELECT v.x FROM v WHERE v.id = t.x)) AS n FROM t;
SELECT id, (SELECT max(u.x) FROM u WHERE u.x > (SELECT count(*) FROM v WHERE v.id = t.id)) AS m FROM t;
SELECT id FROM t WHERE x > ALL (SELECT u.x FROM u WHERE u.tid IN (SELECT v.id FROM v WHERE v.x = t.g));
SELECT g, count(*) AS n FROM t GROUP BY g HAVING EXISTS (SELECT 1 FROM u WHERE EXISTS (SELECT 1 FROM v WHERE v.x = t.g AND v.id = u.id));
SELECT t.id, q.n FROM t, LATERAL (SELECT count(*) AS n FROM u WHERE EXISTS (SELECT 1 FROM v WHERE v.id = u.id AND v.x = t.x)) AS q;
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE EXISTS (SELECT 1 FROM v WHERE EXISTS (SELECT 1 FROM u AS w WHERE w.x = t.x AND w.id = v.id) AND v.x = u.x));
SELECT id FROM t WHERE x NOT IN (SELECT u.x FROM u WHERE u.id NOT IN (SELECT v.id FROM v WHERE v.x = t.x));
SELECT id, (SELECT sum(q.x) FROM (SELECT u.x FROM u WHERE EXISTS (SELECT 1 FROM v WHERE v.id = u.id AND v.x < t.x)) AS q) AS s FROM t;

-- Lateral column aliases
SELECT x + 1 AS y, y * 2 AS z FROM t WHERE z > 2;
SELECT g AS k, sum(x) AS total, total + 1 AS more FROM t GROUP BY k;
