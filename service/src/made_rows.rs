//! What generated rows should hold for a project: the values that its models compare columns with, so
//! that conditions are true of some rows and false of others.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::semantics::Value;
use isomer_ir::semantics::search::Compared;
use isomer_ir::{Bound, DataType, Output, SourceData, Table};
use serde_json::json;

use crate::optimize::Optimised;

/// The generator of rows that nobody describes.
pub(crate) const RANDOM: &str = "random";

/// Settings of generated rows for the tables of a project.
#[derive(Debug)]
pub(crate) struct MadeRows {
    compared: Compared,
}

impl MadeRows {
    /// Reads the models, selected or not.
    pub(crate) fn of(optimised: &Optimised) -> Self {
        let project = &optimised.project;
        let selected = project.project.models.iter().zip(&project.models);
        let upstream = optimised.upstream.iter().map(|(model, bound)| (model, bound));
        let queries: BTreeMap<&str, &Output> = selected
            .chain(upstream)
            .filter_map(|(model, bound)| match &bound.bound {
                Bound::Plan(output) => Some((&*model.key, output)),
                Bound::Opaque => None,
            })
            .collect();
        let model = |key: &str| {
            let output = *queries.get(key)?;
            let table = project.project.catalog.get(key)?;
            Some((output, table.columns.iter().map(|column| Arc::clone(&column.key)).collect()))
        };
        Self { compared: Compared::of(queries.values().copied(), &project.arena, &model) }
    }

    /// The random rows of a table: with what the models compare its columns with, where the settings say
    /// nothing of a column themselves.
    pub(crate) fn data(&self, table: &Table, given: &[(Arc<str>, Arc<str>)]) -> SourceData {
        let mut settings = given.to_vec();
        for column in &table.columns {
            let is_given = |prefix: &str| {
                let of = |name: &str| name.strip_prefix(prefix).map(isomer_ir::fold);
                given.iter().any(|(name, _)| of(name).as_deref() == Some(&*column.key))
            };
            if is_given("values.") || is_given("holds.") {
                continue;
            }
            let held = self.compared.converted(&table.key, &column.key).and_then(word);
            if let Some(word) = held.filter(|_| column.data_type == DataType::Text) {
                settings.push((format!("holds.{}", column.name).into(), word.into()));
                continue;
            }
            let values = self.compared.values(table, column);
            let literals: Vec<String> = match column.data_type {
                DataType::Json => documents(&values),
                _ => values.iter().map(ToString::to_string).collect(),
            };
            if !literals.is_empty() {
                settings.push((format!("values.{}", column.name).into(), literals.join(", ").into()));
            }
        }
        SourceData::Generated(Arc::from(RANDOM), settings)
    }
}

/// The generator's word for a type of which a column may hold the texts.
fn word(data_type: DataType) -> Option<&'static str> {
    match data_type {
        DataType::Boolean => Some("boolean"),
        DataType::Date => Some("date"),
        DataType::Time => Some("time"),
        DataType::Timestamp | DataType::TimestampTz => Some("timestamp"),
        DataType::Uuid => Some("uuid"),
        DataType::Json => Some("json"),
        DataType::Float32 | DataType::Float64 | DataType::Decimal { .. } => Some("double"),
        other => other.is_integer().then_some("integer"),
    }
}

/// Documents that have what the paths ask for.
fn documents(asked: &[Value]) -> Vec<String> {
    let mut paths: Vec<Vec<&str>> = Vec::new();
    for value in asked {
        if let Value::Text(text) = value {
            let steps = text.trim_start_matches('$').split(['.', '/', '[', ']']);
            let steps: Vec<&str> = steps.map(|step| step.trim_matches('"')).filter(|step| !step.is_empty()).collect();
            paths.push(steps);
        }
    }
    let held = [json!("a"), json!("b"), json!(""), json!(1), json!(-2.5), json!(true), json!([1, 2]), json!(null)];
    let document = |value: &serde_json::Value| {
        let mut root = json!({});
        for path in &paths {
            put(&mut root, path, value);
        }
        format!("'{}'", root.to_string().replace('\'', "''"))
    };
    if paths.is_empty() { Vec::new() } else { held.iter().map(document).collect() }
}

/// Puts a value where a path leads; numbers lead into lists.
fn put(root: &mut serde_json::Value, path: &[&str], value: &serde_json::Value) {
    let Some((step, rest)) = path.split_first() else {
        *root = value.clone();
        return;
    };
    if step.parse::<usize>().is_ok() || *step == "*" {
        let mut inner = json!({});
        put(&mut inner, rest, value);
        *root = json!([inner, inner]);
        return;
    }
    if !root.is_object() {
        *root = json!({});
    }
    if let Some(fields) = root.as_object_mut() {
        put(fields.entry((*step).to_owned()).or_insert(json!({})), rest, value);
    }
}
