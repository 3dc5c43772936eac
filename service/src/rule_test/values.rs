//! Rows for the tables of a case: few distinct values, NULLs, duplicates and ends of ranges, within
//! what the table declares. The same seed gives the same rows.

use isomer_rules::{GivenColumn, GivenTable};

/// A table's rows; each value is a SQL literal.
pub(super) type Rows = Vec<Vec<String>>;

/// What kind of rows are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) seed: u64,
    /// Rows of each table; fewer where a key has room for no more.
    pub(super) n_rows: usize,
    /// Whether the ends of a type's range may occur: sums of them can overflow.
    pub(super) has_extremes: bool,
    /// Whether every value of a column is another one, so that orders have no ties.
    pub(super) is_tie_free: bool,
}

const NULL: &str = "NULL";

/// Rows for every table of a case, or `None` where a type has no values here.
pub(super) fn rows(given: &[GivenTable], sample: Sample) -> Option<Vec<Rows>> {
    let mut random = Random(sample.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d);
    let mut filled: Vec<Option<Rows>> = vec![None; given.len()];
    // A table is filled after those that it refers to; circles are broken at their first table.
    let mut stack: Vec<(usize, bool)> = (0..given.len()).rev().map(|position| (position, false)).collect();
    let mut is_seen = vec![false; given.len()];
    while let Some((position, is_expanded)) = stack.pop() {
        if is_expanded {
            let rows = table_rows(given, &filled, position, sample, &mut random)?;
            filled[position] = Some(rows);
        } else if !std::mem::replace(&mut is_seen[position], true) {
            stack.push((position, true));
            let referred = given[position].columns.iter().filter_map(|column| referred(given, column));
            stack.extend(referred.map(|(table, _)| (table, false)));
        }
    }
    filled.into_iter().collect()
}

fn referred(given: &[GivenTable], column: &GivenColumn) -> Option<(usize, usize)> {
    let (table, referred) = column.references.as_ref()?;
    let table = given.iter().position(|given| isomer_ir::fold(&given.name) == isomer_ir::fold(table))?;
    let column = given[table].columns.iter().position(|column| *column.name == **referred)?;
    Some((table, column))
}

fn table_rows(
    given: &[GivenTable],
    filled: &[Option<Rows>],
    position: usize,
    sample: Sample,
    random: &mut Random,
) -> Option<Rows> {
    let mut columns: Vec<Vec<String>> = Vec::new();
    let mut n_rows = sample.n_rows;
    for column in &given[position].columns {
        let from = referred(given, column).and_then(|(table, at)| {
            let rows = filled[table].as_ref()?;
            Some(rows.iter().map(|row| row[at].clone()).filter(|value| value != NULL).collect::<Vec<String>>())
        });
        let is_distinct = column.is_key || sample.is_tie_free;
        let mut pool = match from {
            Some(values) => values,
            None => pool(&column.type_name, sample.has_extremes, if is_distinct { n_rows } else { 0 })?,
        };
        let may_be_null = !column.is_key && !column.is_not_null;
        if is_distinct {
            pool.sort();
            pool.dedup();
            random.shuffle(&mut pool);
            if may_be_null && !pool.is_empty() {
                pool.insert(0, NULL.to_owned());
            }
            n_rows = n_rows.min(pool.len());
            columns.push(pool);
        } else {
            if pool.is_empty() && !may_be_null {
                n_rows = 0;
            }
            let values = (0..n_rows).map(|_| match pool.len() {
                0 => NULL.to_owned(),
                _ if may_be_null && random.below(4) == 0 => NULL.to_owned(),
                n => pool[random.below(n)].clone(),
            });
            columns.push(values.collect());
        }
    }
    Some((0..n_rows).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect())
}

/// Values of a type: a few that collide often, and `n_more` that do not.
fn pool(type_name: &str, has_extremes: bool, n_more: usize) -> Option<Vec<String>> {
    let base = type_name.trim().to_lowercase();
    let base = base.split(['(', ' ']).next().unwrap_or("");
    type More = fn(usize) -> String;
    let (mild, extreme, more): (&[&str], &[&str], More) = match base {
        "bool" | "boolean" => (&["true", "false"], &[], |_| "true".to_owned()),
        "tinyint" | "int1" => (&["0", "1", "2", "-1"], &["127", "-128"], |n| (n + 3).min(127).to_string()),
        "smallint" | "int2" => (&["0", "1", "2", "-1"], &["32767", "-32768"], |n| (n + 3).to_string()),
        "int" | "integer" | "int4" => {
            (&["0", "1", "2", "-1", "7"], &["2147483647", "-2147483648"], |n| (n + 8).to_string())
        }
        "bigint" | "int8" | "long" => {
            (&["0", "1", "2", "-1", "7"], &["9223372036854775807", "-9223372036854775808"], |n| (n + 8).to_string())
        }
        "decimal" | "numeric" => (&["0", "1.5", "-1", "2"], &["99.99", "-99.99"], |n| (n % 90 + 3).to_string()),
        "double" | "float" | "real" | "float8" => {
            (&["0", "1.5", "-1.5", "2"], &["'NaN'", "'Infinity'", "'-Infinity'", "1e300"], |n| (n + 3).to_string())
        }
        "text" | "varchar" | "string" | "char" => {
            (&["''", "'a'", "'A'", "'b'"], &["' a'", "'ä'", "'%'", "'a''b'"], |n| format!("'k{n}'"))
        }
        "date" => (
            &["'2023-12-31'", "'2024-01-01'", "'2024-02-29'"],
            &["'1900-01-01'", "'2024-12-31'", "'2025-01-01'", "'9999-12-31'"],
            |n| format!("'20{:02}-{:02}-{:02}'", 30 + n / 300, n / 25 % 12 + 1, n % 25 + 1),
        ),
        "timestamp" | "datetime" | "timestamptz" => (
            &["'2023-12-31 23:59:59.999999'", "'2024-01-01 00:00:00'", "'2024-02-29 12:30:00'"],
            &["'1900-01-01 00:00:00'", "'2024-12-31 23:59:59'", "'2025-01-01 00:00:00'"],
            |n| format!("'20{:02}-{:02}-{:02} 06:00:00'", 30 + n / 300, n / 25 % 12 + 1, n % 25 + 1),
        ),
        _ => return None,
    };
    let extreme = if has_extremes { extreme } else { &[] };
    let fixed = mild.iter().chain(extreme).map(|value| (*value).to_owned());
    Some(fixed.chain((0..n_more).map(more)).collect())
}

/// A sequence of numbers that look drawn (xorshift; Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % n.max(1) as u64).unwrap_or(0)
    }

    fn shuffle(&mut self, values: &mut [String]) {
        for i in (1..values.len()).rev() {
            values.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use isomer_rules::{GivenColumn, GivenTable};

    use super::{NULL, Sample, rows};

    /// Name, type, whether it is a key, and what it refers to.
    type Declared<'a> = (&'a str, &'a str, bool, Option<(&'a str, &'a str)>);

    fn table(name: &str, columns: &[Declared<'_>]) -> GivenTable {
        let column = |(name, type_name, is_key, references): &Declared<'_>| GivenColumn {
            name: (*name).into(),
            type_name: (*type_name).to_owned(),
            is_key: *is_key,
            is_not_null: false,
            references: references.map(|(table, column)| (table.into(), column.into())),
        };
        GivenTable { name: name.into(), columns: columns.iter().map(column).collect(), rows: None, n_rows: None }
    }

    #[test]
    fn rows_obey_keys_and_references_and_come_again() {
        let given = [
            table("o", &[("id", "int", true, None), ("cid", "int", false, Some(("c", "id")))]),
            table("c", &[("id", "int", true, None), ("name", "text", false, None)]),
        ];
        let sample = Sample { seed: 3, n_rows: 40, has_extremes: true, is_tie_free: false };
        let made = rows(&given, sample).unwrap();
        assert_eq!(rows(&given, sample), Some(made.clone()));
        let column = |table: usize, at: usize| made[table].iter().map(|row| row[at].as_str()).collect::<Vec<_>>();
        let keys: BTreeSet<&str> = column(1, 0).into_iter().collect();
        assert_eq!((keys.len(), keys.contains(NULL)), (40, false));
        assert!(column(0, 1).iter().all(|value| *value == NULL || keys.contains(value)));
        assert!(column(0, 1).contains(&NULL) && column(1, 1).contains(&NULL));
        assert_eq!(rows(&[table("t", &[("m", "map", false, None)])], sample), None);
    }

    #[test]
    fn without_ties_a_column_has_each_value_once() {
        let given = [table("t", &[("d", "date", false, None), ("x", "double", false, None)])];
        let sample = Sample { seed: 1, n_rows: 30, has_extremes: false, is_tie_free: true };
        let made = rows(&given, sample).unwrap().remove(0);
        for at in 0..2 {
            assert_eq!(made.iter().map(|row| &row[at]).collect::<BTreeSet<_>>().len(), 30);
        }
    }
}
