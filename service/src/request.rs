//! Requests of the HTTP API: the JSON that is accepted, and the project files it stands for.
//!
//! A request becomes the files of a project with an `isomer.yml` (JSON is YAML), so that it goes
//! the same road as a folder on disk and means the same.

mod place;

use std::collections::BTreeSet;
use std::fmt;

use indexmap::IndexMap;
use isomer_frontend::ProjectFiles;
use isomer_ir::Dialect;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::api;
use crate::optimize::{Deadline, Options, Request};

/// Longest model name in bytes.
const MAX_NAME_BYTES: usize = 200;

/// Body of `POST /v1/optimize` and `/v1/explain`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizeRequest {
    /// The models.
    pub models: Vec<ModelRequest>,
    /// Source tables by name.
    #[serde(default)]
    pub schema: Tables,
    /// Dialect of the models; `duckdb` when nothing is said.
    pub dialect: Option<String>,
    /// Dialect of the result; that of the models when nothing is said.
    pub target: Option<String>,
    /// Rules in the rule language, beside the built-in ones.
    pub rules: Option<String>,
    /// What steers the search.
    #[serde(default)]
    pub options: RequestOptions,
}

/// One model of a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRequest {
    /// Name under which other models read it.
    pub name: String,
    /// One query.
    pub sql: String,
    /// `table`, `view`, `temp` or `ephemeral`.
    pub materialise: Option<String>,
    /// Tags for selectors.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// Source tables by name, in the order of the request. A name that stands twice is refused.
#[derive(Debug, Clone, Default)]
pub struct Tables(pub IndexMap<String, TableRequest>);

/// A source table of a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRequest {
    /// Columns in order.
    pub columns: Vec<ColumnRequest>,
    /// Sets of columns that hold no two equal rows.
    #[serde(default)]
    pub keys: Vec<Vec<String>>,
    /// References to other tables.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKeyRequest>,
    /// Estimated rows.
    pub rows: Option<u64>,
}

/// A column of a source table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnRequest {
    /// Name.
    pub name: String,
    /// SQL type in the models' dialect; unknown when nothing is said.
    #[serde(rename = "type")]
    pub data_type: Option<String>,
    /// Whether NULL may occur; it may when nothing is said.
    pub nullable: Option<bool>,
    /// Estimated distinct values.
    pub distinct: Option<u64>,
}

/// A reference to another table's key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKeyRequest {
    /// Referring columns.
    pub columns: Vec<String>,
    /// The table that is referred to.
    pub table: String,
    /// Its columns, in the same order.
    pub referred: Vec<String>,
}

/// What steers the search.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestOptions {
    /// Longest search in milliseconds; the service's own limit holds as well.
    pub deadline_ms: Option<u64>,
    /// Budget of e-nodes.
    pub max_nodes: Option<usize>,
    /// Selectors of models to take.
    #[serde(default)]
    pub select: Vec<String>,
    /// Selectors of models to leave out.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Lossy rules that are consented to.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Rules that are switched off.
    #[serde(default)]
    pub disable: Vec<String>,
    /// Whether counts and times of the run are wanted.
    #[serde(default)]
    pub stats: bool,
}

impl OptimizeRequest {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// The first fault, with its place: no JSON, a missing or unknown field, a value of another type.
    pub fn read(text: &str) -> Result<Self, Box<api::Diagnostic>> {
        serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            // The place has a field of its own.
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
            let help = "docs/http.md lists the fields of a request";
            let span = place::of_error(text, &error);
            Box::new(api::Diagnostic { span, ..fault("REQ-0005", None, message.to_owned(), help) })
        })
    }

    /// The project that the request stands for. `text` is the body, for places in it.
    ///
    /// # Errors
    ///
    /// Every fault that has no place in project files: names that are no names, repeated names,
    /// unknown dialects.
    pub fn into_request(self, text: &str, deadline: Option<Deadline>) -> Result<Request, Vec<api::Diagnostic>> {
        let mut faults = Vec::new();
        let dialect = dialect_of(self.dialect.as_deref(), "dialect", text, &mut faults);
        let target = dialect_of(self.target.as_deref(), "target", text, &mut faults);
        let target = target.map(|target| target.name().to_owned());
        name_faults(&self.models, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut files = ProjectFiles::new();
        let mut settings = Map::new();
        for model in self.models {
            let mut setting = Map::new();
            if let Some(materialise) = model.materialise {
                setting.insert("materialise".to_owned(), Value::String(materialise));
            }
            if !model.tags.is_empty() {
                setting.insert("tags".to_owned(), json!(model.tags));
            }
            files.insert(format!("models/{}.sql", model.name), model.sql.into_bytes());
            if !setting.is_empty() {
                settings.insert(model.name, Value::Object(setting));
            }
        }
        let sources: Map<String, Value> =
            self.schema.0.into_iter().map(|(name, table)| (name, table.into_json())).collect();
        let project = json!({
            "name": "request",
            "dialect": dialect.unwrap_or(Dialect::DuckDb).name(),
            "models": settings,
            "sources": sources,
        });
        files.insert("isomer.yml".to_owned(), project.to_string().into_bytes());
        if let Some(rules) = self.rules {
            files.insert("rules/request.rules".to_owned(), rules.into_bytes());
        }
        let RequestOptions { deadline_ms: _, max_nodes, select, exclude, allow, disable, stats } = self.options;
        let options = Options { target, select, exclude, disable, allow, max_nodes };
        Ok(Request { files, options, deadline, wants_stats: stats, ..Request::default() })
    }
}

impl TableRequest {
    fn into_json(self) -> Value {
        let mut table = Map::new();
        let columns: Vec<Value> = self.columns.into_iter().map(ColumnRequest::into_json).collect();
        table.insert("columns".to_owned(), Value::Array(columns));
        if !self.keys.is_empty() {
            table.insert("keys".to_owned(), json!(self.keys));
        }
        if !self.foreign_keys.is_empty() {
            let keys = self.foreign_keys.into_iter();
            let keys = keys.map(|key| json!({"columns": key.columns, "table": key.table, "referred": key.referred}));
            table.insert("foreign_keys".to_owned(), Value::Array(keys.collect()));
        }
        if let Some(rows) = self.rows {
            table.insert("rows".to_owned(), json!(rows));
        }
        Value::Object(table)
    }
}

impl ColumnRequest {
    fn into_json(self) -> Value {
        let mut column = Map::from_iter([("name".to_owned(), Value::String(self.name))]);
        let rest = [
            ("type", self.data_type.map(Value::String)),
            ("nullable", self.nullable.map(Value::Bool)),
            ("distinct", self.distinct.map(Value::from)),
        ];
        column.extend(rest.into_iter().filter_map(|(key, value)| value.map(|value| (key.to_owned(), value))));
        Value::Object(column)
    }
}

fn dialect_of(name: Option<&str>, field: &str, text: &str, faults: &mut Vec<api::Diagnostic>) -> Option<Dialect> {
    let name = name?;
    let dialect = Dialect::from_name(name);
    if dialect.is_none() {
        let names: Vec<&str> = Dialect::ALL.iter().map(|dialect| dialect.name()).collect();
        let help = match isomer_ir::nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", names.join(", ")),
        };
        let message = format!("found `{name}` as `{field}`, expected a dialect");
        let span = place::of_value(text, field);
        faults.push(api::Diagnostic { span, ..fault("REQ-0001", None, message, &help) });
    }
    dialect
}

/// A name becomes the name of a file, so it is kept from meaning another folder.
fn name_faults(models: &[ModelRequest], faults: &mut Vec<api::Diagnostic>) {
    if models.is_empty() {
        let help = "add an object with `name` and `sql` to `models`";
        faults.push(fault("REQ-0002", None, "found no models, expected at least one".to_owned(), help));
    }
    let mut seen = BTreeSet::new();
    for ModelRequest { name, .. } in models {
        let is_name = !name.is_empty()
            && name.len() <= MAX_NAME_BYTES
            && !name.starts_with('.')
            && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\'));
        if !is_name {
            let message = format!("found `{}` as a model's name", name.escape_debug());
            let help =
                format!("use at most {MAX_NAME_BYTES} bytes without slashes, control characters or a leading dot");
            faults.push(fault("REQ-0003", Some(name), message, &help));
        }
        if !seen.insert(isomer_ir::fold(name)) {
            let message = format!("found two models named `{}`, expected one", name.escape_debug());
            faults.push(fault(
                "REQ-0004",
                Some(name),
                message,
                "rename one of them; names do not differ by case alone",
            ));
        }
    }
}

fn fault(code: &'static str, model: Option<&str>, message: String, help: &str) -> api::Diagnostic {
    api::Diagnostic {
        code,
        severity: "error",
        model: model.map(str::to_owned),
        source: "request".to_owned(),
        span: None,
        message,
        help: Some(help.to_owned()),
    }
}

impl<'de> Deserialize<'de> for Tables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TablesVisitor;
        impl<'de> Visitor<'de> for TablesVisitor {
            type Value = Tables;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a table under each name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tables, A::Error> {
                let mut tables = IndexMap::new();
                while let Some((name, table)) = map.next_entry::<String, TableRequest>()? {
                    if tables.insert(name.clone(), table).is_some() {
                        return Err(A::Error::custom(format!("table `{name}` stands twice in `schema`")));
                    }
                }
                Ok(Tables(tables))
            }
        }
        deserializer.deserialize_map(TablesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::OptimizeRequest;

    fn faults(json: &str) -> Vec<String> {
        let found = match OptimizeRequest::read(json) {
            Err(fault) => vec![*fault],
            Ok(request) => request.into_request(json, None).err().unwrap_or_default(),
        };
        found.into_iter().map(|fault| format!("{} {}", fault.code, fault.message)).collect()
    }

    #[test]
    fn what_is_refused() {
        let cases = [
            (r#"{"models": [{"name": "a", "sql": "SELECT 1"}]}"#, vec![]),
            (r#"{"models": []}"#, vec!["REQ-0002 found no models, expected at least one"]),
            (
                r#"{"models": [{"name": "a", "sql": ""}, {"name": "A", "sql": ""}], "target": "oracle"}"#,
                vec![
                    "REQ-0001 found `oracle` as `target`, expected a dialect",
                    "REQ-0004 found two models named `A`, expected one",
                ],
            ),
            (r#"{"models": [{"name": "../a", "sql": ""}]}"#, vec!["REQ-0003 found `../a` as a model's name"]),
            (
                r#"{"models": [], "schema": {"t": {"columns": []}, "t": {"columns": []}}}"#,
                vec!["REQ-0005 table `t` stands twice in `schema`"],
            ),
        ];
        for (json, expect) in cases {
            assert_eq!(faults(json), expect, "{json}");
        }
    }

    #[test]
    fn unknown_fields_are_named() {
        let found = faults(r#"{"models": [], "shema": {}}"#);
        assert!(
            found[0].starts_with("REQ-0005 unknown field `shema`, expected one of `models`, `schema`"),
            "{found:?}"
        );
    }
}
