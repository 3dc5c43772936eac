//! `random`: rows that obey what a table declares (keys, NOT NULL, foreign keys) and are otherwise
//! as nasty as they can be: few distinct values, NULLs, duplicates, negative numbers, empty texts.
//!
//! A setting `values.COLUMN` lists SQL literals, such as `'open', 'paid'`, of which every second value of
//! the column is one; `holds.COLUMN` says of which type's values a column of texts holds the texts.
//! Columns of keys take neither.
//!
//! Foreign keys are drawn from the referred tables, which must have been loaded before.
//! Fewer rows than asked for are made where a key has room for no more.

use std::collections::{BTreeMap, BTreeSet};

use isomer_ir::{Column, DataType, ForeignKey, Nested, Table};

use super::{Settings, listed};
use crate::EngineError;
use crate::duck::Duck;
use crate::name::{RelationName, quoted};
use crate::types::duckdb_name;

const GENERATOR: &str = "random";

/// Types whose texts a column may hold.
const HELD: [(&str, DataType); 8] = [
    ("boolean", DataType::Boolean),
    ("date", DataType::Date),
    ("double", DataType::Float64),
    ("integer", DataType::Int32),
    ("json", DataType::Json),
    ("time", DataType::Time),
    ("timestamp", DataType::Timestamp),
    ("uuid", DataType::Uuid),
];

/// A table to be filled; the query depends on the tables that it refers to.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    table: Table,
    n_rows: u64,
    nulls: f64,
    domain: u64,
    seed: u64,
    /// Literals that a column's values are drawn from.
    values: BTreeMap<usize, String>,
    /// Types of which a column holds the texts.
    holds: BTreeMap<usize, DataType>,
}

/// Columns that take their values together: one column, or those of a foreign key.
struct Atom<'a> {
    columns: Vec<usize>,
    foreign_key: Option<&'a ForeignKey>,
    /// How many different values there are.
    capacity: u64,
    /// The number of the value in row `i`, where a key decides it.
    digit: Option<String>,
}

pub(super) fn random(table: &Table, settings: &Settings<'_>) -> Result<Random, EngineError> {
    for column in &table.columns {
        if matches!(column.data_type, DataType::Unknown | DataType::Null) {
            return Err(refused(table, format!("column `{}` has no declared type", column.name)));
        }
    }
    if table.columns.is_empty() {
        return Err(refused(table, "it declares no columns".to_owned()));
    }
    let mut values = BTreeMap::new();
    for (column, literals) in settings.of_columns("values.", table)? {
        values.insert(column, literals.to_owned());
    }
    let mut holds = BTreeMap::new();
    for (column, name) in settings.of_columns("holds.", table)? {
        let expected = || listed(&HELD.map(|(name, _)| name));
        let held = HELD.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let setting = || format!("holds.{}", table.columns[column].name);
        let (_, data_type) = held.ok_or_else(|| settings.refused(&setting(), name, &expected()))?;
        holds.insert(column, *data_type);
    }
    Ok(Random {
        table: table.clone(),
        n_rows: settings.count("rows", 1_000)?,
        nulls: settings.share("nulls", 0.2)?,
        domain: settings.count("domain", 10)?,
        seed: settings.seed()?,
        values,
        holds,
    })
}

impl Random {
    /// The query that makes the rows.
    pub(crate) fn select(&self, duck: &Duck) -> Result<String, EngineError> {
        let mut atoms = self.atoms(duck)?;
        let mut n_rows = self.n_rows;
        let mut unique: Vec<BTreeSet<usize>> = Vec::new();
        let mut keys: Vec<_> = self.table.keys.iter().collect();
        keys.sort_by_key(|key| (key.columns.len(), key.columns.clone()));
        for key in keys {
            let members: BTreeSet<usize> =
                (0..atoms.len()).filter(|a| atoms[*a].columns.iter().any(|c| key.columns.contains(c))).collect();
            if unique.iter().any(|known| known.is_subset(&members)) {
                continue;
            }
            let mut free: Vec<usize> = members.iter().copied().filter(|a| atoms[*a].digit.is_none()).collect();
            let is_whole = |a: &usize| atoms[*a].columns.iter().all(|c| key.columns.contains(c));
            // Part of a foreign key's values do not tell its rows apart.
            if free.is_empty() || !free.iter().all(is_whole) {
                return Err(refused(&self.table, format!("the key declared by {} overlaps others", key.declared_by)));
            }
            free.sort_by_key(|a| (atoms[*a].capacity, *a));
            n_rows = assign_digits(&mut atoms, &free, n_rows);
            unique.push(free.into_iter().collect());
        }
        for atom in &atoms {
            let is_required = atom.columns.iter().all(|c| !self.table.columns[*c].is_nullable);
            if atom.capacity == 0 && is_required {
                n_rows = 0;
            }
        }
        Ok(self.write(&atoms, n_rows))
    }

    fn atoms(&self, duck: &Duck) -> Result<Vec<Atom<'_>>, EngineError> {
        let mut foreign_keys: Vec<_> = self.table.foreign_keys.iter().collect();
        foreign_keys.sort_by_key(|key| std::cmp::Reverse(key.columns.len()));
        let mut atoms: Vec<Atom<'_>> = Vec::new();
        for key in foreign_keys {
            let taken = |c: &usize| atoms.iter().any(|atom| atom.columns.contains(c));
            match key.columns.iter().filter(|c| taken(c)).count() {
                0 => {}
                // The wider reference is drawn from rows that obey their own references.
                n if n == key.columns.len() => continue,
                _ => return Err(refused(&self.table, format!("its reference to `{}` overlaps another", key.table))),
            }
            if key.table == self.table.key {
                // Handled when the column is written: a row refers to itself or to nothing.
                continue;
            }
            if !duck.exists(&RelationName::parse(&key.table)?)? {
                return Err(refused(&self.table, format!("it refers to `{}`, which has no rows yet", key.table)));
            }
            let count = duck.query_count(&format!("SELECT count(*) FROM ({})", referred(key)?))?;
            let capacity = count.unwrap_or(0);
            atoms.push(Atom { columns: key.columns.clone(), foreign_key: Some(key), capacity, digit: None });
        }
        for (c, column) in self.table.columns.iter().enumerate() {
            if !atoms.iter().any(|atom| atom.columns.contains(&c)) {
                let capacity = capacity(column.data_type);
                atoms.push(Atom { columns: vec![c], foreign_key: None, capacity, digit: None });
            }
        }
        Ok(atoms)
    }

    fn write(&self, atoms: &[Atom<'_>], n_rows: u64) -> String {
        let nulls = (self.nulls * 1000.0).round() as u64;
        let seed = self.seed;
        let mut joins = String::new();
        let mut columns = vec![String::new(); self.table.columns.len()];
        for (a, atom) in atoms.iter().enumerate() {
            let is_key = atom.digit.is_some();
            let free_digit = || {
                let is_nested =
                    atom.columns.iter().any(|c| matches!(self.table.columns[*c].data_type, DataType::Nested(_)));
                let size = match atom.foreign_key {
                    Some(_) => atom.capacity,
                    // That they are no keys is all that a capacity of one says.
                    None if is_nested => self.domain,
                    None => atom.capacity.min(self.domain),
                };
                format!("CAST({} % {} AS BIGINT)", drawn(seed, a, "value"), size.max(1))
            };
            let digit = atom.digit.clone().unwrap_or_else(free_digit);
            let is_null = |column: &Column| column.is_nullable && !is_key && nulls > 0;
            for (position, c) in atom.columns.iter().enumerate() {
                let column = &self.table.columns[*c];
                let value = match atom.foreign_key {
                    Some(_) => format!("r{a}.c{position}"),
                    None if is_key => value(column.data_type, &digit, true),
                    None => self.free_value(*c, &digit, a),
                };
                // One draw for all columns of a reference, so that it is NULL as a whole.
                columns[*c] = if is_null(column) {
                    format!("CASE WHEN {} % 1000 >= {nulls} THEN {value} END", drawn(seed, a, "null"))
                } else {
                    value
                };
            }
            if let Some(Ok(referred)) = atom.foreign_key.map(referred) {
                joins.push_str(&format!(" LEFT JOIN ({referred}) AS r{a} ON r{a}.n = {digit}"));
            }
        }
        for key in self.table.foreign_keys.iter().filter(|key| key.table == self.table.key) {
            for (c, name) in key.columns.iter().zip(&key.referred) {
                let Some(referred) = self.table.position(name) else { continue };
                let own = columns[referred].clone();
                columns[*c] = if self.table.columns[*c].is_nullable {
                    format!("CASE WHEN hash(i, {seed}, 'self') % 2 = 0 THEN {own} END")
                } else {
                    own
                };
            }
        }
        let list = self
            .table
            .columns
            .iter()
            .zip(&columns)
            .map(|(column, value)| format!("{value} AS {}", quoted(&column.name)));
        format!("SELECT {} FROM range({n_rows}) AS numbers(i){joins}", list.collect::<Vec<_>>().join(", "))
    }

    /// The value of a column that no key decides, of a number from 0.
    fn free_value(&self, column: usize, digit: &str, atom: usize) -> String {
        let (data_type, seed) = (self.table.columns[column].data_type, self.seed);
        let plain = match self.holds.get(&column) {
            Some(held) if data_type == DataType::Text => format!("CAST({} AS VARCHAR)", value(*held, digit, false)),
            _ => value(data_type, digit, false),
        };
        let Some(literals) = self.values.get(&column) else { return plain };
        let Some(type_name) = duckdb_name(data_type) else { return plain };
        let list = format!("CAST([{literals}] AS {type_name}[])");
        let which = format!("1 + CAST({} % len({list}) AS BIGINT)", drawn(seed, atom, "which"));
        let given = drawn(seed, atom, "given");
        format!("CASE WHEN {given} % 2 = 0 THEN list_extract({list}, {which}) ELSE {plain} END")
    }
}

/// A number of row `i` that has nothing to do with other draws of the row. Arguments of one hash are
/// combined so that low bits of two draws go together; a hash of the hash mixes them.
fn drawn(seed: u64, atom: usize, what: &str) -> String {
    format!("hash(hash(i, {seed}, {atom}, '{what}'))")
}

/// Gives the atoms of a key their digits: together they count through the rows, so that no two
/// rows agree in all. The rows that there is room for.
fn assign_digits(atoms: &mut [Atom<'_>], free: &[usize], n_rows: u64) -> u64 {
    let mut below: u64 = 1;
    let mut left = n_rows;
    for (position, a) in free.iter().enumerate() {
        let atom = &mut atoms[*a];
        let n_after = free.len() - position;
        // The smallest base of which `n_after` digits reach the rows that are left.
        let mut base = (left as f64).powf(1.0 / n_after as f64).ceil() as u64;
        while base > 1 && power(base - 1, n_after) >= left {
            base -= 1;
        }
        let base = base.max(1).min(atom.capacity);
        atom.digit = Some(format!("(i // {below}) % {}", base.max(1)));
        below = below.saturating_mul(base);
        left = if base == 0 { 0 } else { left.div_ceil(base) };
    }
    n_rows.min(below)
}

fn power(base: u64, exponent: usize) -> u64 {
    (0..exponent).fold(1_u64, |product, _| product.saturating_mul(base))
}

/// Numbered distinct values of a referred key: columns `n`, `c0`, `c1`, …
fn referred(key: &ForeignKey) -> Result<String, EngineError> {
    let table = RelationName::parse(&key.table)?.sql();
    let names: Vec<String> = key.referred.iter().map(|name| quoted(name)).collect();
    let columns: Vec<String> = names.iter().enumerate().map(|(i, name)| format!("{name} AS c{i}")).collect();
    let present: Vec<String> = names.iter().map(|name| format!("{name} IS NOT NULL")).collect();
    Ok(format!(
        "SELECT *, row_number() OVER (ORDER BY {}) - 1 AS n FROM (SELECT DISTINCT {} FROM {table} WHERE {})",
        (0..names.len()).map(|i| format!("c{i}")).collect::<Vec<_>>().join(", "),
        columns.join(", "),
        present.join(" AND ")
    ))
}

/// How many values [`value`] can make of a type.
fn capacity(data_type: DataType) -> u64 {
    match data_type {
        DataType::Null | DataType::Unknown | DataType::Nested(_) => 1,
        DataType::Boolean => 2,
        DataType::Int8 | DataType::UInt8 => 100,
        DataType::Int16 | DataType::UInt16 => 30_000,
        DataType::Decimal { precision, scale } => {
            let digits = u32::from(precision.saturating_sub(scale)).min(9);
            10_u64.pow(digits)
        }
        DataType::Time => 86_400,
        DataType::Float32 => 1 << 20,
        DataType::Date => 1_000_000,
        DataType::Int32
        | DataType::Int64
        | DataType::Int128
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float64
        | DataType::Text
        | DataType::Bytes
        | DataType::Timestamp
        | DataType::TimestampTo(_)
        | DataType::TimestampTz
        | DataType::Interval
        | DataType::Json
        | DataType::Uuid => 1_000_000_000,
    }
}

/// The value of a number from 0; two numbers never make one value of a key.
fn value(data_type: DataType, digit: &str, is_key: bool) -> String {
    // Around zero where no key decides: signs and zeros are where rewrites go wrong.
    let number = if is_key { format!("({digit})") } else { format!("(({digit}) - 2)") };
    let cast = |type_name: &str| format!("CAST({number} AS {type_name})");
    match data_type {
        DataType::Null | DataType::Unknown => "NULL".to_owned(),
        DataType::Boolean => format!("({digit}) % 2 = 1"),
        DataType::Int8 => cast("TINYINT"),
        DataType::Int16 => cast("SMALLINT"),
        DataType::Int32 => cast("INTEGER"),
        DataType::Int64 => cast("BIGINT"),
        DataType::Int128 => cast("HUGEINT"),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => format!("CAST({digit} AS UBIGINT)"),
        DataType::Float32 | DataType::Float64 => format!("CAST({number} AS DOUBLE) / 2"),
        DataType::Decimal { precision, scale } if is_key || precision == scale => {
            format!("CAST({digit} AS DECIMAL({precision}, {scale}))")
        }
        DataType::Decimal { precision, scale } if scale > 0 => {
            format!("CAST(CAST({number} AS DOUBLE) / 2 AS DECIMAL({precision}, {scale}))")
        }
        DataType::Decimal { precision, scale } => cast(&format!("DECIMAL({precision}, {scale})")),
        DataType::Text if is_key => format!("'v' || ({digit})"),
        DataType::Text => {
            format!("CASE {digit} WHEN 0 THEN '' WHEN 1 THEN 'A' WHEN 2 THEN 'a' ELSE 'v' || ({digit}) END")
        }
        DataType::Bytes => format!("encode('v' || ({digit}))"),
        DataType::Date => format!("DATE '2024-01-01' + CAST({digit} AS INTEGER)"),
        DataType::Time => format!("TIME '00:00:00' + to_seconds({digit})"),
        DataType::Timestamp => format!("make_timestamp(1704067200000000 + ({digit}) * 1800000000)"),
        DataType::TimestampTo(_) => {
            let moved = format!("make_timestamp(1704067200000000 + ({digit}) * 1800000000)");
            let to = duckdb_name(data_type).unwrap_or_default();
            format!("CAST({moved} AS {to})")
        }
        DataType::TimestampTz => format!("to_timestamp(1704067200 + ({digit}) * 1800)"),
        DataType::Interval => format!("to_days(CAST({digit} AS INTEGER))"),
        DataType::Uuid => {
            format!("CAST('00000000-0000-4000-8000-' || lpad(CAST({digit} AS VARCHAR), 12, '0') AS UUID)")
        }
        DataType::Json => format!("CAST('{{\"a\": ' || ({digit}) || '}}' AS JSON)"),
        DataType::Nested(nested) => nested_value(nested.get(), digit),
    }
}

fn refused(table: &Table, reason: String) -> EngineError {
    EngineError::Generator { generator: GENERATOR, table: table.sql_name.to_string(), reason }
}

/// A nested value of a number from 0: lists of none, one or two elements.
fn nested_value(nested: &Nested, digit: &str) -> String {
    match nested {
        Nested::List(element) => {
            let of = value(*element, digit, false);
            format!("CASE ({digit}) % 3 WHEN 0 THEN [] WHEN 1 THEN [{of}] ELSE [{of}, NULL] END")
        }
        Nested::Struct(fields) => {
            let parts: Vec<String> = fields
                .iter()
                .map(|(name, of)| format!("'{}': {}", name.replace('\'', "''"), value(*of, digit, false)))
                .collect();
            format!("{{{}}}", parts.join(", "))
        }
        Nested::Map(key, of) => format!("MAP {{{}: {}}}", value(*key, digit, true), value(*of, digit, false)),
        Nested::Enum(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| format!("'{}'", text.replace('\'', "''"))).collect();
            format!("list_extract([{}], 1 + ({digit}) % {})", texts.join(", "), texts.len().max(1))
        }
    }
}
