//! `isomer.yml`: what its keys are and what they hold.
//!
//! Names of models, tables and types are not resolved here: `declare` and the readers of each
//! format do that, when they know the models and the dialect.

use std::sync::Arc;

use isomer_ir::{Dialect, Materialise, Settings, SourceData, Span};

use super::functions::{FunctionDecl, functions};
use super::packs;
use super::yaml::{Entry, Node, Reading, Value, did_you_mean};

/// A text with its place in `isomer.yml`.
pub(crate) type Placed = (String, Span);

/// The content of an `isomer.yml`.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) name: Option<String>,
    pub(crate) format: Option<Placed>,
    pub(crate) dialect: Option<Dialect>,
    pub(crate) target: Option<Placed>,
    pub(crate) targets: Vec<Target>,
    pub(crate) database: Option<String>,
    pub(crate) model_paths: Vec<Placed>,
    pub(crate) rule_paths: Vec<Placed>,
    /// Files of `CREATE TABLE` statements.
    pub(crate) schema_paths: Vec<Placed>,
    /// By model name or folder.
    pub(crate) models: Vec<(Placed, ModelSettings)>,
    pub(crate) sources: Vec<SourceDecl>,
    pub(crate) functions: Vec<FunctionDecl>,
    pub(crate) settings: Settings,
}

/// A named target.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) dialect: Option<Dialect>,
    pub(crate) database: Option<String>,
}

/// Settings of a model or of a folder of models; what is `None` is not said.
#[derive(Debug, Clone, Default)]
pub(crate) struct ModelSettings {
    pub(crate) materialise: Option<Materialise>,
    pub(crate) tags: Vec<String>,
    pub(crate) dialect: Option<Dialect>,
    pub(crate) is_rewritable: Option<bool>,
    /// The columns of its result, for readers where its text is not understood.
    pub(crate) result: Option<SourceDecl>,
}

/// A source as declared.
#[derive(Debug, Clone)]
pub(crate) struct SourceDecl {
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) columns: Vec<ColumnDecl>,
    /// Columns that are unique together, and whether they are also declared to hold no NULL.
    pub(crate) keys: Vec<(Vec<Placed>, bool)>,
    pub(crate) foreign_keys: Vec<ForeignKeyDecl>,
    pub(crate) n_rows: Option<f64>,
    pub(crate) data: Option<SourceData>,
}

impl SourceDecl {
    /// A source of which nothing is said yet.
    pub(crate) fn of(name: String, span: Span) -> Self {
        Self { name, span, columns: Vec::new(), keys: Vec::new(), foreign_keys: Vec::new(), n_rows: None, data: None }
    }
}

/// A column as declared.
#[derive(Debug, Clone)]
pub(crate) struct ColumnDecl {
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) type_name: Option<Placed>,
    pub(crate) is_nullable: bool,
    pub(crate) n_distinct: Option<f64>,
}

/// A reference as declared.
#[derive(Debug, Clone)]
pub(crate) struct ForeignKeyDecl {
    pub(crate) columns: Vec<Placed>,
    pub(crate) table: Placed,
    pub(crate) referred: Vec<Placed>,
}

/// Estimates are bounded so that products of them stay finite.
const MOST_ROWS: f64 = 1e15;

/// Reads the root of an `isomer.yml`.
pub(crate) fn read(root: &Node, reading: &mut Reading<'_>) -> Config {
    const KNOWN: [&str; 18] = [
        "name",
        "schema",
        "functions",
        "only",
        "format",
        "dialect",
        "target",
        "targets",
        "database",
        "model_paths",
        "models",
        "sources",
        "rules",
        "thresholds",
        "disable",
        "allow",
        "version",
        "description",
    ];
    let mut config = Config::default();
    for Entry { key, node, .. } in reading.settings("`isomer.yml`", root, &KNOWN) {
        match key.as_str() {
            "name" => config.name = reading.text(key, node),
            "format" => config.format = reading.text(key, node).map(|text| (text, node.span)),
            "dialect" => config.dialect = dialect(key, node, reading),
            "target" => config.target = reading.text(key, node).map(|text| (text, node.span)),
            "targets" => config.targets = targets(node, reading),
            "database" => config.database = reading.text(key, node),
            "model_paths" => config.model_paths = reading.texts(key, node),
            "schema" => config.schema_paths = reading.texts(key, node),
            "rules" => config.rule_paths = packs::rule_paths(key, node, reading),
            "models" => config.models = models(node, reading),
            "sources" => config.sources = sources(node, reading),
            "functions" => config.functions = functions(node, reading),
            "thresholds" => thresholds(node, &mut config.settings, reading),
            "disable" => config.settings.disabled_rules = arcs(reading.texts(key, node)),
            "allow" => config.settings.allowed = arcs(reading.texts(key, node)),
            "only" => config.settings.only = arcs(reading.texts(key, node)),
            _ => {}
        }
    }
    config
}

fn arcs(texts: Vec<Placed>) -> Vec<Arc<str>> {
    texts.into_iter().map(|(text, _)| Arc::from(text)).collect()
}

/// A dialect by name; an unknown one is a fault that lists the known ones.
pub(crate) fn dialect(what: &str, node: &Node, reading: &mut Reading<'_>) -> Option<Dialect> {
    let name = reading.text(what, node)?;
    let dialect = Dialect::from_name(&name);
    if dialect.is_none() {
        let help = did_you_mean(&name, Dialect::ALL.iter().map(|dialect| dialect.name()));
        reading.fault_with("PRJ-0006", node.span, format!("found `{name}` as `{what}`, expected a dialect"), help);
    }
    dialect
}

fn targets(node: &Node, reading: &mut Reading<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    for entry in reading.entries("targets", node) {
        let mut target = Target { name: entry.key.clone(), dialect: None, database: None };
        for Entry { key, node, .. } in reading.settings("a target", &entry.node, &["dialect", "type", "database"]) {
            match key.as_str() {
                "database" => target.database = reading.text(key, node),
                _ => target.dialect = dialect(key, node, reading),
            }
        }
        targets.push(target);
    }
    targets
}

fn thresholds(node: &Node, settings: &mut Settings, reading: &mut Reading<'_>) {
    for Entry { key, node, .. } in reading.settings("thresholds", node, &["min_saving", "min_shared_rows"]) {
        match key.as_str() {
            "min_saving" => {
                settings.min_saving = reading.number(key, node, 0.0, 1.0).unwrap_or(settings.min_saving);
            }
            _ => {
                let found = reading.number(key, node, 0.0, MOST_ROWS);
                settings.min_shared_rows = found.unwrap_or(settings.min_shared_rows);
            }
        }
    }
}

fn models(node: &Node, reading: &mut Reading<'_>) -> Vec<(Placed, ModelSettings)> {
    let named = reading.named("models", node);
    named.into_iter().map(|(name, span, node)| ((name, span), model_settings(node, reading))).collect()
}

fn model_settings(node: &Node, reading: &mut Reading<'_>) -> ModelSettings {
    const KNOWN: [&str; 11] = [
        "name",
        "columns",
        "materialise",
        "materialize",
        "materialised",
        "materialized",
        "tags",
        "dialect",
        "enabled",
        "rewrite",
        "description",
    ];
    let mut settings = ModelSettings::default();
    for Entry { key, node, .. } in reading.settings("a model's settings", node, &KNOWN) {
        match key.as_str() {
            "tags" => settings.tags = reading.texts(key, node).into_iter().map(|(tag, _)| tag).collect(),
            "dialect" => settings.dialect = dialect(key, node, reading),
            "enabled" | "rewrite" => {
                // Both are asked for permission: one `false` forbids.
                let said = reading.boolean(key, node);
                settings.is_rewritable = match (settings.is_rewritable, said) {
                    (Some(one), Some(other)) => Some(one && other),
                    (one, other) => one.or(other),
                };
            }
            "columns" => {
                let mut result = SourceDecl::of(String::new(), node.span);
                columns(node, &mut result, reading);
                settings.result = Some(result);
            }
            "name" | "description" => {}
            _ => settings.materialise = materialise(key, node, reading),
        }
    }
    settings
}

/// How a model is kept, by word.
pub(crate) fn materialise(what: &str, node: &Node, reading: &mut Reading<'_>) -> Option<Materialise> {
    let word = reading.text(what, node)?;
    let found = materialise_of(&word);
    if found.is_none() {
        let help = did_you_mean(&word, ["table", "view", "temp", "ephemeral"]);
        reading.fault_with("PRJ-0022", node.span, format!("found `{word}` as `{what}`"), help);
    }
    found
}

/// How a model is kept, by word.
pub(crate) fn materialise_of(word: &str) -> Option<Materialise> {
    Some(match word.to_lowercase().as_str() {
        "table" => Materialise::Table,
        "view" => Materialise::View,
        "temp" | "temporary" => Materialise::Temp,
        "ephemeral" => Materialise::Ephemeral,
        _ => return None,
    })
}

fn sources(node: &Node, reading: &mut Reading<'_>) -> Vec<SourceDecl> {
    let named = reading.named("sources", node);
    named.into_iter().map(|(name, span, node)| source(name, span, node, reading)).collect()
}

fn source(name: String, span: Span, node: &Node, reading: &mut Reading<'_>) -> SourceDecl {
    const KNOWN: [&str; 10] =
        ["name", "columns", "keys", "unique", "primary_key", "foreign_keys", "rows", "data", "description", "tags"];
    let mut source = SourceDecl {
        name,
        span,
        columns: Vec::new(),
        keys: Vec::new(),
        foreign_keys: Vec::new(),
        n_rows: None,
        data: None,
    };
    for Entry { key, node, .. } in reading.settings("a source", node, &KNOWN) {
        match key.as_str() {
            "columns" => columns(node, &mut source, reading),
            "primary_key" => source.keys.push((reading.texts(key, node), true)),
            "keys" | "unique" => keys(key, node, &mut source, reading),
            "foreign_keys" => {
                let items = reading.items(node);
                source.foreign_keys.extend(items.iter().filter_map(|item| foreign_key(item, reading)));
            }
            "rows" => source.n_rows = reading.number(key, node, 0.0, MOST_ROWS),
            "data" => source.data = data(node, reading),
            _ => {}
        }
    }
    source
}

/// A list of columns, or a list of such lists.
fn keys(what: &str, node: &Node, source: &mut SourceDecl, reading: &mut Reading<'_>) {
    let items = reading.items(node);
    if items.iter().any(|item| matches!(item.value, Value::List(_))) {
        for item in items {
            source.keys.push((reading.texts(what, item), false));
        }
    } else if !items.is_empty() {
        source.keys.push((reading.texts(what, node), false));
    }
}

/// Columns as a list of mappings with `name`, or as a mapping from name to type or settings.
pub(crate) fn columns(node: &Node, source: &mut SourceDecl, reading: &mut Reading<'_>) {
    for (name, span, node) in reading.named("columns", node) {
        column(&name, span, node, source, reading);
    }
}

fn column(name: &str, span: Span, node: &Node, source: &mut SourceDecl, reading: &mut Reading<'_>) {
    const KNOWN: [&str; 10] = [
        "name",
        "type",
        "data_type",
        "nullable",
        "not_null",
        "unique",
        "primary_key",
        "distinct",
        "references",
        "description",
    ];
    let mut column = ColumnDecl { name: name.to_owned(), span, type_name: None, is_nullable: true, n_distinct: None };
    let own = || vec![(name.to_owned(), span)];
    let settings = match &node.value {
        Value::Null => Vec::new(),
        Value::Map(_) => reading.settings("a column", node, &KNOWN),
        Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => {
            column.type_name = reading.text("type", node).map(|text| (text, node.span));
            Vec::new()
        }
    };
    for Entry { key, node, .. } in settings {
        match key.as_str() {
            "type" | "data_type" => column.type_name = reading.text(key, node).map(|text| (text, node.span)),
            "nullable" => column.is_nullable &= reading.boolean(key, node).unwrap_or(true),
            "not_null" => column.is_nullable &= !reading.boolean(key, node).unwrap_or(false),
            "unique" | "primary_key" => {
                let is_key = reading.boolean(key, node) == Some(true);
                source.keys.extend(is_key.then(|| (own(), key == "primary_key")));
            }
            "distinct" => column.n_distinct = reading.number(key, node, 0.0, MOST_ROWS),
            "references" => source.foreign_keys.extend(reference(node, own(), reading)),
            _ => {}
        }
    }
    source.columns.push(column);
}

/// `table.column` or `table(column)`.
fn reference(node: &Node, columns: Vec<Placed>, reading: &mut Reading<'_>) -> Option<ForeignKeyDecl> {
    let text = reading.text("references", node)?;
    let parts = match text.strip_suffix(')') {
        Some(open) => open.split_once('('),
        None => text.rsplit_once('.'),
    };
    let Some((table, column)) = parts.filter(|(table, column)| !table.is_empty() && !column.is_empty()) else {
        let message = format!("found `{text}` as `references`, expected `table.column`");
        reading.fault("PRJ-0005", node.span, message);
        return None;
    };
    let place = |part: &str| (part.trim().to_owned(), node.span);
    Some(ForeignKeyDecl { columns, table: place(table), referred: vec![place(column)] })
}

fn foreign_key(node: &Node, reading: &mut Reading<'_>) -> Option<ForeignKeyDecl> {
    let mut columns = Vec::new();
    let mut table = None;
    let mut referred = Vec::new();
    for entry in reading.settings("a foreign key", node, &["columns", "column", "table", "referred", "references"]) {
        match entry.key.as_str() {
            "columns" | "column" => columns = reading.texts(&entry.key, &entry.node),
            "table" | "references" => table = reading.text(&entry.key, &entry.node).map(|text| (text, entry.node.span)),
            _ => referred = reading.texts(&entry.key, &entry.node),
        }
    }
    let Some(table) = table.filter(|_| !columns.is_empty() && columns.len() == referred.len()) else {
        let expected = "expected `columns`, `table` and as many `referred` columns";
        reading.fault("PRJ-0005", node.span, format!("found an incomplete foreign key, {expected}"));
        return None;
    };
    Some(ForeignKeyDecl { columns, table, referred })
}

/// `{file: path}`, `{generate: name, setting: value, …}`, or a path alone.
fn data(node: &Node, reading: &mut Reading<'_>) -> Option<SourceData> {
    let Value::Map(entries) = &node.value else {
        return reading.text("data", node).map(|path| SourceData::File(Arc::from(path)));
    };
    let position = entries.iter().position(|entry| matches!(entry.key.as_str(), "file" | "generate"));
    let Some(position) = position else {
        reading.fault("PRJ-0005", node.span, "found `data` with neither `file` nor `generate`");
        return None;
    };
    let head = &entries[position];
    if head.key == "file" {
        reading.settings("data of a file", node, &["file"]);
        return reading.text("file", &head.node).map(|path| SourceData::File(Arc::from(path)));
    }
    let name = reading.text("generate", &head.node)?;
    let rest = entries.iter().enumerate().filter(|(i, _)| *i != position);
    let settings: Vec<_> = rest
        .filter_map(|(_, entry)| {
            Some((Arc::from(entry.key.as_str()), Arc::from(reading.text(&entry.key, &entry.node)?)))
        })
        .collect();
    Some(SourceData::Generated(Arc::from(name), settings))
}
