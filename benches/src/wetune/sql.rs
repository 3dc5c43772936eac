//! Terms as SQL over the tables of a frame. Each operator is one subquery that names its columns
//! `x1`, `x2`, …

use super::frame::Frame;
use super::term::{Symbol, Term};

/// A subquery.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) sql: String,
    columns: Vec<Column>,
}

/// A column of a subquery.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    /// The tables and schemas that it came through, as symbols of the left side.
    passed: Vec<Symbol>,
}

/// Both sides of a rule, with their columns in one order.
pub(super) fn sides(left: &Term, right: &Term, frame: &Frame) -> Result<[String; 2], String> {
    let relations = [relation(left, frame)?, relation(right, frame)?];
    let [one, other] = &relations;
    if one.columns.len() != other.columns.len() {
        return Err("the sides show other columns".to_owned());
    }
    let is_listed = |term: &Term| matches!(term, Term::Proj { .. } | Term::Agg { .. } | Term::Union { .. });
    if is_listed(left) || is_listed(right) {
        return Ok([one.sql.clone(), other.sql.clone()]);
    }
    // Without a list of columns, a column of the one side is that of the same table on the other.
    let mut order: Vec<usize> = Vec::new();
    for column in &one.columns {
        let is_free = |at: &usize| !order.contains(at) && other.columns[*at].name == column.name;
        let free: Vec<usize> = (0..other.columns.len()).filter(is_free).collect();
        let meets = |at: &&usize| other.columns[**at].passed.iter().any(|table| column.passed.contains(table));
        order.push(*free.iter().find(meets).or(free.first()).ok_or("the sides show other columns")?);
    }
    let list: Vec<String> =
        order.iter().enumerate().map(|(at, from)| format!("o.x{} AS x{}", from + 1, at + 1)).collect();
    Ok([one.sql.clone(), format!("SELECT {} FROM ({}) AS o", list.join(", "), other.sql)])
}

fn relation(term: &Term, frame: &Frame) -> Result<Relation, String> {
    let made = match term {
        Term::Input(table) => {
            let name = frame.leader(table);
            let columns = frame.tables.get(&name).cloned().unwrap_or_default();
            let passed = vec![frame.origin(table)];
            let values: Vec<String> = columns.iter().map(|column| format!("i.{column}")).collect();
            let columns = columns.into_iter().map(|name| Column { name, passed: passed.clone() }).collect();
            Relation { sql: format!("SELECT {} FROM {name} AS i", listed(&values)), columns }
        }
        Term::Proj { attrs, schema, is_distinct, input } => {
            let input = relation(input, frame)?;
            let (values, columns) = input.drawn(attrs, schema, frame)?;
            let distinct = if *is_distinct { "DISTINCT " } else { "" };
            Relation { sql: format!("SELECT {distinct}{} FROM ({}) AS i", listed(&values), input.sql), columns }
        }
        Term::Filter { pred, attrs, input } => {
            let input = relation(input, frame)?;
            let predicate = frame.predicate(pred, &input.read("i", attrs, frame)?);
            Relation { sql: format!("SELECT {} FROM ({}) AS i WHERE {predicate}", input.all("i"), input.sql), ..input }
        }
        Term::Join { is_left, keys, inputs } => {
            let [left, right] = [relation(&inputs[0], frame)?, relation(&inputs[1], frame)?];
            let condition = equal(&left.read("l", &keys[0], frame)?, &right.read("r", &keys[1], frame)?)?;
            let values: Vec<String> = left.values("l").into_iter().chain(right.values("r")).collect();
            let word = if *is_left { "LEFT JOIN" } else { "JOIN" };
            let sql = format!(
                "SELECT {} FROM ({}) AS l {word} ({}) AS r ON {condition}",
                listed(&values),
                left.sql,
                right.sql
            );
            Relation { sql, columns: left.columns.into_iter().chain(right.columns).collect() }
        }
        Term::InSub { attrs, inputs } => {
            let [left, right] = [relation(&inputs[0], frame)?, relation(&inputs[1], frame)?];
            let keys = left.read("l", attrs, frame)?;
            let condition = match keys.as_slice() {
                [key] if right.columns.len() == 1 => format!("{key} IN ({})", right.sql),
                // As a filter, a list that is IN another is one that is equal to some row.
                _ => format!("EXISTS (SELECT 1 FROM ({}) AS r WHERE {})", right.sql, equal(&keys, &right.values("r"))?),
            };
            Relation { sql: format!("SELECT {} FROM ({}) AS l WHERE {condition}", left.all("l"), left.sql), ..left }
        }
        Term::Agg { group, arg, func, schema, having, input } => {
            let input = relation(input, frame)?;
            let (keys, mut columns) = input.drawn(group, schema, frame)?;
            let values = input.read("i", arg, frame)?;
            let results: Vec<String> = values.iter().map(|value| frame.function(func, value)).collect();
            let passed = vec![frame.origin(schema)];
            let name = |at| Frame::result(&frame.origin(arg), at);
            columns.extend((0..results.len()).map(|at| Column { name: name(at), passed: passed.clone() }));
            let shown: Vec<String> = keys.iter().chain(&results).cloned().collect();
            let sql = format!(
                "SELECT {} FROM ({}) AS i GROUP BY {} HAVING {}",
                listed(&shown),
                input.sql,
                keys.join(", "),
                frame.predicate(having, &results)
            );
            Relation { sql, columns }
        }
        Term::Union { is_distinct, inputs } => {
            let [left, right] = [relation(&inputs[0], frame)?, relation(&inputs[1], frame)?];
            if left.columns.len() != right.columns.len() {
                return Err("a union of lists of other lengths".to_owned());
            }
            let word = if *is_distinct { "UNION" } else { "UNION ALL" };
            let mut columns = left.columns;
            for (column, other) in columns.iter_mut().zip(right.columns) {
                column.passed.extend(other.passed);
            }
            Relation { sql: format!("({}) {word} ({})", left.sql, right.sql), columns }
        }
    };
    Ok(made)
}

impl Relation {
    fn values(&self, alias: &str) -> Vec<String> {
        (1..=self.columns.len()).map(|at| format!("{alias}.x{at}")).collect()
    }

    fn all(&self, alias: &str) -> String {
        listed(&self.values(alias))
    }

    fn positions(&self, attrs: &Symbol, frame: &Frame) -> Result<Vec<usize>, String> {
        let chain = frame.source_chain(attrs);
        let position = |name: &String| {
            let named: Vec<usize> = (0..self.columns.len()).filter(|&at| self.columns[at].name == *name).collect();
            let nearest = chain
                .iter()
                .find_map(|source| named.iter().copied().find(|&at| self.columns[at].passed.contains(source)));
            nearest.or(named.first().copied()).ok_or_else(|| format!("{attrs} reads a column that is not there"))
        };
        frame.columns(attrs).iter().map(position).collect()
    }

    fn read(&self, alias: &str, attrs: &Symbol, frame: &Frame) -> Result<Vec<String>, String> {
        Ok(self.positions(attrs, frame)?.into_iter().map(|at| format!("{alias}.x{}", at + 1)).collect())
    }

    fn drawn(&self, attrs: &Symbol, schema: &Symbol, frame: &Frame) -> Result<(Vec<String>, Vec<Column>), String> {
        let positions = self.positions(attrs, frame)?;
        let columns = positions
            .iter()
            .map(|&at| {
                let mut column = self.columns[at].clone();
                column.passed.push(frame.origin(schema));
                column
            })
            .collect();
        Ok((positions.into_iter().map(|at| format!("i.x{}", at + 1)).collect(), columns))
    }
}

fn listed(values: &[String]) -> String {
    let named: Vec<String> = values.iter().enumerate().map(|(at, value)| format!("{value} AS x{}", at + 1)).collect();
    named.join(", ")
}

fn equal(left: &[String], right: &[String]) -> Result<String, String> {
    if left.len() != right.len() || left.is_empty() {
        return Err("keys of other lengths".to_owned());
    }
    Ok(left.iter().zip(right).map(|(one, other)| format!("{one} = {other}")).collect::<Vec<_>>().join(" AND "))
}
