//! The names of output columns that have no alias.
//!
//! An engine prints its own tree for them. Where that is known the name is sure; elsewhere it is a guess,
//! and nothing may rely on it: see `Catalog::guess_name`.

use std::sync::Arc;

use isomer_ir::{Dialect, fold};
use rustc_hash::FxHashMap;
use sqlparser::ast::{BinaryOperator, Expr, Ident};

use crate::duckdb_name::duckdb_name;
use crate::postgres_name::{folded, postgres_name};
use crate::spark_name::spark_name;
use crate::syntax::{bare, operands};

/// A name of a column without an alias.
pub(crate) struct ColumnName {
    /// As the engine shows it, or a guess.
    pub(crate) name: Arc<str>,
    /// The name by which `ORDER BY` finds the column.
    pub(crate) alias: Option<Arc<str>>,
    /// Whether the engine shows just this.
    pub(crate) is_sure: bool,
}

/// The output name of an item without an alias.
pub(crate) fn column_name(expr: &Expr, dialect: Dialect) -> ColumnName {
    let sure = |name: &str| ColumnName { name: Arc::from(name), alias: None, is_sure: true };
    let column = |ident: &Ident| {
        let shown = if dialect == Dialect::Postgres { folded(ident) } else { ident.value.clone() };
        ColumnName { alias: Some(fold(&ident.value)), ..sure(&shown) }
    };
    match bare(expr) {
        Expr::Identifier(ident) => column(ident),
        Expr::CompoundIdentifier(parts) if let Some(last) = parts.last() => column(last),
        expr => {
            let shown = match dialect {
                Dialect::DuckDb => duckdb_name(expr),
                Dialect::Postgres => postgres_name(expr),
                Dialect::Spark => spark_name(expr),
                Dialect::DataFusion | Dialect::Snowflake | Dialect::BigQuery => None,
            };
            if let Some(name) = shown {
                return sure(&name);
            }
            // Printing recurses; what is that long gets a short name.
            let is_short =
                operands(expr, &BinaryOperator::And).len() < 50 && operands(expr, &BinaryOperator::Or).len() < 50;
            let name = if is_short { Arc::from(expr.to_string()) } else { Arc::from("expr") };
            ColumnName { name, alias: None, is_sure: false }
        }
    }
}

/// The names that DuckDB gives columns of a table, a view or a derived table where several have one name:
/// the first keeps it, each later one takes the first free number behind it.
///
/// `None` stands for a name that stays.
pub(crate) fn told_apart(names: &[Arc<str>]) -> Vec<Option<Arc<str>>> {
    // Each name with the least number that may be free behind it.
    let mut taken: FxHashMap<Arc<str>, usize> = FxHashMap::default();
    let mut free = |name: &Arc<str>| {
        let key = fold(name);
        let Some(&first) = taken.get(&key) else {
            taken.insert(key, 1);
            return None;
        };
        let mut number = first;
        loop {
            let other = format!("{name}_{number}");
            number += 1;
            if !taken.contains_key(&fold(&other)) {
                taken.insert(fold(&other), 1);
                taken.insert(key, number);
                return Some(Arc::from(other));
            }
        }
    };
    names.iter().map(&mut free).collect()
}

#[cfg(test)]
mod tests {
    use isomer_ir::Dialect;
    use sqlparser::dialect::{DatabricksDialect, Dialect as Grammar, PostgreSqlDialect};
    use sqlparser::parser::Parser;

    use super::column_name;

    /// Each line is an expression and its name, or `?` where nothing is claimed.
    fn check(dialect: Dialect, grammar: &dyn Grammar, cases: &str) {
        for line in cases.lines().filter(|line| !line.is_empty()) {
            let (text, expected) = line.split_once(" => ").expect("an expression and its name");
            let mut parser = Parser::new(grammar).try_with_sql(text).expect("tokens");
            let found = column_name(&parser.parse_expr().expect(text), dialect);
            let name = if found.is_sure { &*found.name } else { "?" };
            assert_eq!(name, expected, "{text}");
        }
    }

    /// As PostgreSQL 15 shows them; what other supported versions show otherwise is not claimed.
    #[test]
    fn names_of_postgresql() {
        check(
            Dialect::Postgres,
            &PostgreSqlDialect {},
            r#"
I => i
"I" => I
w.i => i
i + 1 => ?column?
-i => ?column?
'a' => ?column?
i BETWEEN 1 AND 2 => ?column?
count(*) => count
SUM(i) + 1 => ?column?
pg_catalog.upper(s) => upper
avg(i)::int => avg
i::text => i
(i + 1)::bigint => int8
CAST(i AS numeric(10, 2)) => i
CAST('a' AS char(3)) => bpchar
DATE '2020-01-01' => date
INTERVAL '1 day' => interval
CASE WHEN f THEN 1 ELSE 2 END => case
CASE WHEN f THEN 1 ELSE i END => i
coalesce(i, 1) => coalesce
substring(s from 1 for 2) => substring
trim(s) => btrim
trim(leading 'a' from s) => ltrim
extract(year from dt) => extract
ts AT TIME ZONE 'UTC' => timezone
row_number() OVER (ORDER BY i) => row_number
ARRAY[1, 2] => array
l[1] => l
j -> 'a' => ?column?
(SELECT max(i) FROM w) => max
(SELECT 1) => ?column?
(SELECT i + 1 AS x FROM w) => x
EXISTS (SELECT 1) => exists
NOT EXISTS (SELECT 1) => ?column?
true => ?
"#,
        );
    }

    /// As Spark 4.0 shows them; what Spark 3 shows otherwise, or what depends on types, is not claimed.
    #[test]
    fn names_of_spark() {
        check(
            Dialect::Spark,
            &DatabricksDialect {},
            r#"
I => I
w.i => i
i * n => (i * n)
i + n => ?
count(*) - 1 => (count(1) - 1)
i <> 1 => (NOT (i = 1))
f AND g OR h => ((f AND g) OR h)
s = 'x' => (s = x)
s || 'x' => concat(s, x)
i IN (1, 2) => (i IN (1, 2))
i NOT IN (1, 2) => (NOT (i IN (1, 2)))
i BETWEEN 1 AND 2 => ?
COUNT(*) => count(1)
count(DISTINCT i, n) => count(DISTINCT i, n)
sum(w.i * (1 * d)) => sum((i * (1 * d)))
sum(i) / count(*) => (sum(i) / count(1))
CASE i WHEN 1 THEN 'a' ELSE 'b' END => CASE WHEN (i = 1) THEN a ELSE b END
CAST(i AS BIGINT) => i
CAST(i * 2 AS BIGINT) => ?
round(d) => round(d, 0)
sum(i) OVER () => ?
floor(d) => ?
"#,
        );
    }
}
