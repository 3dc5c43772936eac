//! Random queries over three small tables, in SQL that DuckDB and the binder read alike. The same
//! seed gives the same queries.

use std::sync::Arc;

use isomer_frontend::read_schema;
use isomer_ir::semantics::{Database, Value};
use isomer_ir::{Dialect, Table};

/// A sequence of numbers that look drawn (xorshift; Marsaglia 2003).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % n.max(1) as u64).unwrap_or(0)
    }

    /// One of several.
    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Double,
    Decimal,
    Date,
    Truth,
}

const KINDS: [Kind; 6] = [Kind::Int, Kind::Text, Kind::Double, Kind::Decimal, Kind::Date, Kind::Truth];

/// Declarations of the tables that the queries read, as `(name, columns with types)`.
pub const TABLES: [(&str, &[(&str, &str)]); 3] = [
    (
        "t",
        &[
            ("id", "int"),
            ("g", "int"),
            ("x", "int"),
            ("d", "double"),
            ("m", "decimal(6,2)"),
            ("s", "text"),
            ("f", "boolean"),
            ("dt", "date"),
        ],
    ),
    ("u", &[("id", "int"), ("tid", "int"), ("x", "int"), ("s", "text")]),
    ("v", &[("id", "int"), ("x", "int"), ("m", "decimal(6,2)"), ("dt", "date")]),
];

fn kind_of(type_name: &str) -> Kind {
    match type_name {
        "int" => Kind::Int,
        "double" => Kind::Double,
        "decimal(6,2)" => Kind::Decimal,
        "text" => Kind::Text,
        "boolean" => Kind::Truth,
        _ => Kind::Date,
    }
}

type Columns = Vec<(String, Kind)>;

/// A query with everything that the language has, at random.
#[must_use]
pub fn query(seed: u64) -> String {
    made(seed, &KINDS)
}

/// A query over integers and texts alone, which mean the same in every engine.
#[must_use]
pub fn plain_query(seed: u64) -> String {
    made(seed, &KINDS[..2])
}

/// A query with clauses that only some engines have: `QUALIFY`, `DISTINCT ON`, grouping sets, common tables,
/// set operations by name, `SELECT * EXCLUDE`, correlated scalar subqueries.
#[must_use]
pub fn wide_query(seed: u64) -> String {
    let mut maker = Maker { random: Random::new(seed ^ 0x5ca1_ab1e), n_names: 0, kinds: &KINDS };
    for _ in 0..5 {
        maker.random.below(2);
    }
    maker.wide()
}

fn made(seed: u64, kinds: &'static [Kind]) -> String {
    let mut maker = Maker { random: Random::new(seed), n_names: 0, kinds };
    for _ in 0..5 {
        maker.random.below(2);
    }
    let (text, columns) = maker.select(2);
    let r = &mut maker.random;
    match r.below(6) {
        0 => {
            let (other, others) = maker.select(1);
            let n = columns.len().min(others.len());
            let word = maker.random.pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL", "INTERSECT ALL"]);
            let kept: Vec<usize> = (0..n).filter(|&at| columns[at].1 == others[at].1).collect();
            if kept.is_empty() {
                return text;
            }
            let names = |of: &Columns| kept.iter().map(|&at| of[at].0.clone()).collect::<Vec<_>>().join(", ");
            format!(
                "SELECT {} FROM ({text}) AS l {word} SELECT {} FROM ({other}) AS r",
                names(&columns),
                names(&others)
            )
        }
        1 => {
            let all: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
            let direction = r.pick(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]);
            let limit = r.pick(&["", " LIMIT 2", " LIMIT 3 OFFSET 1", " OFFSET 2"]);
            format!("SELECT * FROM ({text}) AS q ORDER BY {}{direction}{limit}", all.join(", "))
        }
        _ => text,
    }
}

struct Maker {
    random: Random,
    n_names: usize,
    /// What columns and values are of.
    kinds: &'static [Kind],
}

impl Maker {
    fn wide(&mut self) -> String {
        let (text, columns) = self.select(2);
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let all = names.join(", ");
        let local: Columns = columns.iter().map(|(name, kind)| (format!("q.{name}"), *kind)).collect();
        let first = self.random.pick(&names.iter().map(String::as_str).collect::<Vec<_>>()).to_owned();
        match self.random.below(9) {
            0 => {
                let word = self.random.pick(&["rank", "row_number", "dense_rank"]);
                let limit = 1 + self.random.below(2);
                format!(
                    "SELECT {all} FROM ({text}) AS q QUALIFY {word}() OVER (PARTITION BY {first} ORDER BY {all}) <= {limit}"
                )
            }
            1 => format!("SELECT DISTINCT ON ({first}) {all} FROM ({text}) AS q ORDER BY {first}, {all}"),
            2 | 3 => self.grouping_sets(&text, &local),
            4 => {
                let (other, _) = self.select(1);
                let condition = self.truth(&local, 1);
                format!(
                    "WITH q AS ({text}), z AS ({other}) SELECT q.{first} AS a, (SELECT count(*) FROM z) AS n FROM q WHERE {condition} OR EXISTS (SELECT 1 FROM z)"
                )
            }
            5 => {
                let (other, others) = self.select(1);
                let known = |name: &str| others.iter().find(|(other, _)| other == name);
                let is_alike = columns.iter().all(|(name, kind)| known(name).is_none_or(|(_, other)| other == kind));
                if !is_alike {
                    return text;
                }
                let word = self.random.pick(&["UNION BY NAME", "UNION ALL BY NAME"]);
                format!("SELECT * FROM ({text}) AS l {word} SELECT * FROM ({other}) AS r")
            }
            6 if names.len() > 1 => format!("SELECT * EXCLUDE ({first}) FROM ({text}) AS q"),
            7 => {
                let (table, others) = TABLES[1 + self.random.below(2)];
                let inner: Columns = others.iter().map(|(name, of)| (format!("i.{name}"), kind_of(of))).collect();
                let equal = self.equality(&local, &inner);
                let word = self.random.pick(&["max", "min", "count"]);
                format!("SELECT {all}, (SELECT {word}(i.x) FROM {table} AS i WHERE {equal}) AS s FROM ({text}) AS q")
            }
            _ => format!("SELECT {all}, count(*) AS n FROM ({text}) AS q GROUP BY ALL"),
        }
    }

    fn grouping_sets(&mut self, text: &str, columns: &Columns) -> String {
        let keys: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).take(3).collect();
        let all = keys.join(", ");
        let by = match self.random.below(4) {
            0 => format!("ROLLUP ({all})"),
            1 => format!("CUBE ({all})"),
            2 => format!("GROUPING SETS (({all}), ({}), ())", keys[0]),
            _ => format!("{}, ROLLUP ({all})", keys[0]),
        };
        let (call, _) = self.aggregate(columns);
        let having = self.random.pick(&["", " HAVING count(*) > 1"]);
        let shown: Vec<String> = keys.iter().enumerate().map(|(at, key)| format!("{key} AS k{at}")).collect();
        format!(
            "SELECT {}, grouping({}) AS g, {call} AS a FROM ({text}) AS q GROUP BY {by}{having}",
            shown.join(", "),
            keys[0]
        )
    }

    fn name(&mut self, start: &str) -> String {
        self.n_names += 1;
        format!("{start}{}", self.n_names)
    }

    fn select(&mut self, depth: usize) -> (String, Columns) {
        let (mut from, mut columns) = self.relation(depth);
        for _ in 0..self.random.below(3).min(depth) {
            let (right, others) = self.relation(depth - 1);
            let kind = self.random.pick(&["JOIN", "LEFT JOIN", "FULL JOIN", "RIGHT JOIN", "CROSS JOIN"]);
            let all: Columns = columns.iter().chain(&others).cloned().collect();
            if kind == "CROSS JOIN" {
                from = format!("{from} CROSS JOIN {right}");
            } else {
                let equal = self.equality(&columns, &others);
                let more =
                    if self.random.below(3) == 0 { format!(" AND {}", self.truth(&all, 1)) } else { String::new() };
                from = format!("{from} {kind} {right} ON {equal}{more}");
            }
            columns = all;
        }
        let mut clauses = String::new();
        if self.random.below(2) == 0 {
            clauses.push_str(&format!(" WHERE {}", self.condition(&columns, depth)));
        }
        match self.random.below(5) {
            0 | 1 => self.grouped(&from, &clauses, &columns),
            2 => self.windowed(&from, &clauses, &columns),
            _ => self.plain(&from, &clauses, &columns),
        }
    }

    fn relation(&mut self, depth: usize) -> (String, Columns) {
        let alias = self.name("r");
        if depth > 1 && self.random.below(3) == 0 {
            let (text, columns) = self.select(depth - 1);
            let columns = columns.into_iter().map(|(name, kind)| (format!("{alias}.{name}"), kind)).collect();
            return (format!("({text}) AS {alias}"), columns);
        }
        let (table, columns) = TABLES[self.random.below(TABLES.len())];
        let columns = columns.iter().map(|(name, of)| (format!("{alias}.{name}"), kind_of(of)));
        let columns = columns.filter(|(_, kind)| self.kinds.contains(kind)).collect();
        (format!("{table} AS {alias}"), columns)
    }

    fn column(&mut self, columns: &Columns, kind: Kind) -> Option<String> {
        let fitting: Vec<&str> = columns.iter().filter(|(_, of)| *of == kind).map(|(name, _)| name.as_str()).collect();
        (!fitting.is_empty()).then(|| self.random.pick(&fitting).to_owned())
    }

    fn equality(&mut self, left: &Columns, right: &Columns) -> String {
        let kind = if self.random.below(4) == 0 { Kind::Text } else { Kind::Int };
        match (self.column(left, kind), self.column(right, kind)) {
            (Some(a), Some(b)) => format!("{a} = {b}"),
            _ => "1 = 1".to_owned(),
        }
    }

    fn plain(&mut self, from: &str, clauses: &str, columns: &Columns) -> (String, Columns) {
        let mut shown = Columns::new();
        let mut items = Vec::new();
        for _ in 0..=self.random.below(3) {
            let kind = self.kinds[self.random.below(self.kinds.len())];
            let name = self.name("c");
            items.push(format!("{} AS {name}", self.value(columns, kind, 2)));
            shown.push((name, kind));
        }
        let distinct = if self.random.below(4) == 0 { "DISTINCT " } else { "" };
        (format!("SELECT {distinct}{} FROM {from}{clauses}", items.join(", ")), shown)
    }

    fn grouped(&mut self, from: &str, clauses: &str, columns: &Columns) -> (String, Columns) {
        let mut shown = Columns::new();
        let (mut items, mut keys) = (Vec::new(), Vec::new());
        for _ in 0..self.random.below(3) {
            let kind = self.random.pick(&[&Kind::Int, &Kind::Text, &Kind::Truth]);
            let Some(key) = self.column(columns, *kind) else { continue };
            let name = self.name("k");
            items.push(format!("{key} AS {name}"));
            keys.push(key);
            shown.push((name, *kind));
        }
        for _ in 0..=self.random.below(2) {
            let (text, kind) = self.aggregate(columns);
            let name = self.name("a");
            items.push(format!("{text} AS {name}"));
            shown.push((name, kind));
        }
        let by = self.group_by(&keys);
        if by.contains('(') && self.random.below(2) == 0 {
            let name = self.name("m");
            items.push(format!("GROUPING({}) AS {name}", keys.join(", ")));
            shown.push((name, Kind::Int));
        }
        let having = if self.random.below(4) == 0 { " HAVING count(*) > 1" } else { "" };
        (format!("SELECT {} FROM {from}{clauses}{by}{having}", items.join(", ")), shown)
    }

    /// The keys as they are, or in grouping sets where no key is there twice.
    fn group_by(&mut self, keys: &[String]) -> String {
        let list = keys.join(", ");
        let is_twice = (1..keys.len()).any(|at| keys[..at].contains(&keys[at]));
        // SQLite, which reads the plain queries, has no grouping sets.
        let draw = if self.kinds.len() < KINDS.len() { 9 } else { self.random.below(10) };
        match (keys, draw) {
            ([], _) => String::new(),
            (_, 0) if !is_twice => format!(" GROUP BY ROLLUP ({list})"),
            (_, 1) if !is_twice => format!(" GROUP BY CUBE ({list})"),
            ([one, rest @ ..], 2) if !is_twice => {
                let rest: String = rest.iter().map(|key| format!(", ({key}), ({one}, {key})")).collect();
                format!(" GROUP BY GROUPING SETS (({one}), (), ({one}){rest})")
            }
            ([one, other], 3) if !is_twice => format!(" GROUP BY {one}, ROLLUP ({other})"),
            _ => format!(" GROUP BY {list}"),
        }
    }

    fn aggregate(&mut self, columns: &Columns) -> (String, Kind) {
        let filter = |maker: &mut Self| match maker.random.below(4) {
            0 => format!(" FILTER (WHERE {})", maker.truth(columns, 1)),
            _ => String::new(),
        };
        let distinct = if self.random.below(4) == 0 { "DISTINCT " } else { "" };
        let kind = self.kinds[self.random.below(self.kinds.len())];
        let arg = self.value(columns, kind, 1);
        let filter = filter(self);
        match (self.random.below(4), kind) {
            (0, _) => (format!("count({distinct}{arg}){filter}"), Kind::Int),
            (1, _) => (format!("count(*){filter}"), Kind::Int),
            (2, Kind::Int) => (format!("CAST(sum({distinct}{arg}){filter} AS INT)"), Kind::Int),
            (2, Kind::Double | Kind::Decimal) => (format!("avg({distinct}{arg}){filter}"), Kind::Double),
            (2, Kind::Truth) => (format!("bool_or({arg}){filter}"), Kind::Truth),
            (3, Kind::Truth) => (format!("bool_and({arg}){filter}"), Kind::Truth),
            (3, Kind::Int) => (format!("avg({distinct}{arg}){filter}"), Kind::Double),
            (_, Kind::Truth) => (format!("count({arg}){filter}"), Kind::Int),
            (_, kind) => {
                let word = self.random.pick(&["min", "max"]);
                (format!("{word}({distinct}{arg}){filter}"), kind)
            }
        }
    }

    fn windowed(&mut self, from: &str, clauses: &str, columns: &Columns) -> (String, Columns) {
        let partition = self.column(columns, Kind::Int).unwrap_or_else(|| "1".to_owned());
        // The names of all columns make the order as total as it can be.
        let all: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let key = self.column(columns, Kind::Int).unwrap_or_else(|| "1".to_owned());
        let (text, kind) = match self.random.below(6) {
            0 => (format!("rank() OVER (PARTITION BY {partition} ORDER BY {key})"), Kind::Int),
            1 => (format!("row_number() OVER (PARTITION BY {partition} ORDER BY {})", all.join(", ")), Kind::Int),
            2 => {
                (format!("lag({key}) OVER (PARTITION BY {partition} ORDER BY {} DESC)", all.join(" DESC, ")), Kind::Int)
            }
            3 => (format!("count({key}) OVER (PARTITION BY {partition} ORDER BY {key})"), Kind::Int),
            4 => {
                let start = self.random.pick(&["1 PRECEDING", "UNBOUNDED PRECEDING", "CURRENT ROW"]);
                let end = self.random.pick(&["CURRENT ROW", "1 FOLLOWING", "UNBOUNDED FOLLOWING"]);
                let unit = self.random.pick(&["RANGE", "GROUPS"]);
                (format!("max({key}) OVER (ORDER BY {key} {unit} BETWEEN {start} AND {end})"), Kind::Int)
            }
            _ => {
                let start = self.random.pick(&["1 PRECEDING", "UNBOUNDED PRECEDING", "CURRENT ROW"]);
                (
                    format!(
                        "count(*) OVER (PARTITION BY {partition} ORDER BY {} ROWS BETWEEN {start} AND 1 FOLLOWING)",
                        all.join(", ")
                    ),
                    Kind::Int,
                )
            }
        };
        let name = self.name("w");
        let other = self.name("c");
        let shown = self.column(columns, Kind::Int).unwrap_or_else(|| "1".to_owned());
        (
            format!("SELECT {text} AS {name}, {shown} AS {other} FROM {from}{clauses}"),
            vec![(name, kind), (other, Kind::Int)],
        )
    }

    fn condition(&mut self, columns: &Columns, depth: usize) -> String {
        if depth > 0 && self.random.below(3) == 0 {
            let (table, others) = TABLES[1 + self.random.below(2)];
            let alias = self.name("e");
            let others: Columns = others.iter().map(|(name, of)| (format!("{alias}.{name}"), kind_of(of))).collect();
            let (outer, inner) = (self.column(columns, Kind::Int), self.column(&others, Kind::Int));
            let (Some(outer), Some(inner)) = (outer, inner) else { return self.truth(columns, 2) };
            let not = self.random.pick(&["", "NOT "]);
            let filter =
                if self.random.below(2) == 0 { format!(" WHERE {}", self.truth(&others, 1)) } else { String::new() };
            return match self.random.below(4) {
                0 => format!("{not}EXISTS (SELECT 1 FROM {table} AS {alias} WHERE {inner} = {outer})"),
                1 => format!("{outer} {not}IN (SELECT {inner} FROM {table} AS {alias}{filter})"),
                2 => format!("{outer} > (SELECT max({inner}) FROM {table} AS {alias}{filter})"),
                _ => format!("({outer} {not}IN (SELECT {inner} FROM {table} AS {alias}{filter})) IS NOT TRUE"),
            };
        }
        self.truth(columns, 2)
    }

    fn truth(&mut self, columns: &Columns, depth: usize) -> String {
        let kind = self.kinds[self.random.below(self.kinds.len().min(5))];
        let a = self.value(columns, kind, depth.saturating_sub(1));
        match self.random.below(if depth == 0 { 5 } else { 9 }) {
            0 => format!("{a} IS NULL"),
            1 => format!("{a} IS NOT NULL"),
            2 => {
                let b = self.value(columns, kind, 0);
                format!("({a} IS DISTINCT FROM {b})")
            }
            3 | 4 => {
                let word = self.random.pick(&["=", "<>", "<", "<=", ">", ">="]);
                let b = self.value(columns, kind, 0);
                format!("{a} {word} {b}")
            }
            5 => format!("({} AND {})", self.truth(columns, depth - 1), self.truth(columns, depth - 1)),
            6 => format!("({} OR {})", self.truth(columns, depth - 1), self.truth(columns, depth - 1)),
            7 => format!("NOT ({})", self.truth(columns, depth - 1)),
            _ => {
                let (b, c) = (self.value(columns, kind, 0), self.value(columns, kind, 0));
                let word = self.random.pick(&["IN", "NOT IN"]);
                format!("{a} {word} ({b}, {c})")
            }
        }
    }

    fn value(&mut self, columns: &Columns, kind: Kind, depth: usize) -> String {
        let leaf = match self.column(columns, kind) {
            Some(column) if self.random.below(4) > 0 => column,
            _ => self.literal(kind).to_owned(),
        };
        if depth == 0 || self.random.below(2) == 0 {
            return leaf;
        }
        let other = self.value(columns, kind, depth - 1);
        match self.random.below(4) {
            0 => {
                let when = self.truth(columns, depth - 1);
                format!("CASE WHEN {when} THEN {leaf} ELSE {other} END")
            }
            1 => format!("coalesce({leaf}, {other})"),
            2 if kind != Kind::Truth => {
                let word = self.random.pick(&["greatest", "least", "nullif"]);
                format!("{word}({leaf}, {other})")
            }
            _ => self.computed(kind, &leaf, &other),
        }
    }

    fn computed(&mut self, kind: Kind, a: &str, b: &str) -> String {
        match kind {
            Kind::Int => match self.random.below(7) {
                0 => format!("({a} + {b})"),
                1 => format!("({a} - {b})"),
                2 => format!("({a} * {b})"),
                3 => format!("({a} % {b})"),
                4 => format!("({a} // {b})"),
                5 => format!("abs({a})"),
                _ => format!("-({a})"),
            },
            Kind::Double => match self.random.below(5) {
                0 => format!("({a} / {b})"),
                1 => format!("({a} * {b})"),
                2 => format!("round({a})"),
                3 => format!("floor({a})"),
                _ => format!("({a} - {b})"),
            },
            // The parentheses of a cast keep the type, and with it the digits, the same.
            Kind::Decimal => match self.random.below(3) {
                0 => format!("CAST({a} + {b} AS DECIMAL(6,2))"),
                1 => format!("CAST({a} * {b} AS DECIMAL(6,2))"),
                _ => format!("CAST(CAST({a} AS INT) AS DECIMAL(6,2))"),
            },
            Kind::Text => match self.random.below(8) {
                0 => format!("({a} || {b})"),
                1 => format!("upper({a})"),
                2 => format!("substring({a}, 1, 2)"),
                3 => format!("replace({a}, {b}, 'z')"),
                4 => format!("trim({a})"),
                5 => format!("concat({a}, {b})"),
                6 => format!("left({a}, 1)"),
                _ => format!("lpad({a}, 3, '*')"),
            },
            Kind::Date => match self.random.below(3) {
                0 => format!("CAST(date_trunc('month', {a}) AS DATE)"),
                1 => format!("({a} + 1)"),
                _ => format!("CAST({a} + INTERVAL 1 MONTH AS DATE)"),
            },
            Kind::Truth => format!("({a} AND {b})"),
        }
    }

    fn literal(&mut self, kind: Kind) -> &'static str {
        match kind {
            Kind::Int => self.random.pick(&["0", "1", "2", "-1", "NULL::int"]),
            Kind::Text => self.random.pick(&["''", "'a'", "'b'", "'ä'", "' a'"]),
            Kind::Double => self.random.pick(&["0.5::double", "1.0::double", "-2.0::double"]),
            Kind::Decimal => self.random.pick(&["1.50::decimal(6,2)", "0.00::decimal(6,2)", "-2.25::decimal(6,2)"]),
            Kind::Date => self.random.pick(&["DATE '2024-01-31'", "DATE '2024-02-29'", "DATE '2023-12-31'"]),
            Kind::Truth => self.random.pick(&["TRUE", "FALSE", "NULL::boolean"]),
        }
    }
}

/// Rows for the tables: few distinct values, NULLs, duplicates; the first database is empty.
#[must_use]
pub fn database(seed: u64) -> Database {
    let mut random = Random::new(seed + 1);
    let mut database = Database::default();
    for (name, columns) in TABLES {
        let n_rows = if seed == 0 { 0 } else { random.below(5) };
        let row = |random: &mut Random| columns.iter().map(|(_, of)| drawn(random, of)).collect();
        let rows = (0..n_rows).map(|_| row(&mut random)).collect();
        database.insert(&Arc::from(name), rows);
    }
    database
}

fn drawn(random: &mut Random, type_name: &str) -> Value {
    if random.below(4) == 0 {
        return Value::Null;
    }
    match type_name {
        "int" => Value::Int([0, 1, 2, -1][random.below(4)]),
        "double" => Value::Float([0.0, 0.5, -1.5, 2.0][random.below(4)]),
        "decimal(6,2)" => Value::Decimal { value: [0, 150, -225, 1][random.below(4)], scale: 2 },
        "text" => Value::text(["", "a", "ab", "Ä"][random.below(4)]),
        "boolean" => Value::Boolean(random.below(2) == 0),
        _ => Value::Date([19_753, 19_782, 19_722][random.below(3)]),
    }
}

/// The tables as a catalog knows them.
#[must_use]
pub fn tables() -> Vec<Table> {
    let declared: Vec<String> = TABLES
        .iter()
        .map(|(name, columns)| {
            let columns: Vec<String> = columns.iter().map(|(name, of)| format!("{name} {of}")).collect();
            format!("CREATE TABLE {name} ({});", columns.join(", "))
        })
        .collect();
    read_schema(&declared.join("\n"), &Arc::from("schema"), Dialect::DuckDb).0.tables().cloned().collect()
}
