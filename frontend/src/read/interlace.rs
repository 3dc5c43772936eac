//! Interlace projects: `interlace.yaml`, SQL models with their settings in a leading comment
//! `/* interlace: … */`, and Python models, which are opaque.
//!
//! Edges are the names of tables. Keys that are Interlace's own business (schedules, owners, exports)
//! are passed over; what steers the meaning or the result of a model is read. Python is
//! `interlace_python`'s, `var('name')` is `interlace_vars`'.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Dialect, Materialise, Model, Span, TestedClaim, fold};

use super::claims::{self, Claims};
use super::declare::Tables;
use super::interlace_python::python_models;
use super::interlace_vars::{Variable, variables, with_values};
use super::name::{is_below, sql_name, stem};
use super::settings::{Config, Placed, SourceDecl, Target, columns};
use super::smelt::kept_as_written;
use super::yaml::{Entry, Node, Reading, Value, parse};
use super::{Draft, ProjectFiles, folder};

/// Strategies whose table holds what the query gives, however it is written.
const WHOLE: [&str; 4] = ["full", "replace", "full_merge", "none"];

/// What `interlace.yaml` says.
#[derive(Debug, Default)]
struct Settings {
    name: Option<String>,
    dialect: Option<Dialect>,
    database: Option<String>,
    engine: Option<String>,
    model_paths: Vec<Placed>,
    variables: Vec<Variable>,
}

/// Reads an Interlace project whose `interlace.yaml` stands at `path`.
pub(crate) fn read(files: &ProjectFiles, path: &str, config: &Config, reading: &mut Reading<'_>) -> Draft {
    let mut own = Reading { source: Arc::from(path), found: &mut *reading.found };
    let settings = parse(&files[path], &mut own).map(|root| read_settings(&root, &mut own)).unwrap_or_default();
    let dialect = config.dialect.or(settings.dialect).unwrap_or(Dialect::DuckDb);
    let folders = if config.model_paths.is_empty() { &settings.model_paths } else { &config.model_paths };
    let mut said = Vec::new();
    for path in folder::model_files(files, folders, &mut own) {
        said.push(sql_model(path, &files[path], dialect, &settings, folders, own.found));
    }
    let is_model = |path: &str| match folders.as_slice() {
        [] => is_below(path, "models"),
        folders => folders.iter().any(|(folder, _)| is_below(path, folder)),
    };
    for path in files.keys().filter(|path| path.ends_with(".py") && is_model(path)) {
        let text = String::from_utf8_lossy(&files[path]);
        said.extend(python_models(path, &text, dialect, own.found));
    }
    name_reads(&mut said);
    let mut tables = Tables::default();
    let (models, tested) = claims::declare(said, &mut tables, dialect, reading);
    let targets = vec![Target { name: "default".to_owned(), dialect: Some(dialect), database: settings.database }];
    Draft { name: settings.name, models, tables, tested, targets, ..Draft::empty("interlace", dialect) }
}

/// A parameter `raw_orders` of a Python model stands for the model `raw.orders`.
fn name_reads(said: &mut [(Model, Claims)]) {
    let keys: Vec<Arc<str>> = said.iter().map(|(model, _)| Arc::clone(&model.key)).collect();
    for (model, _) in said {
        for read in &mut model.declared_reads {
            let is_it = |key: &&Arc<str>| **key == *read || key.replace('.', "_") == **read;
            if let Some(key) = keys.iter().find(is_it) {
                *read = Arc::clone(key);
            }
        }
        model.declared_reads.sort_unstable();
        model.declared_reads.dedup();
    }
}

fn read_settings(root: &Node, reading: &mut Reading<'_>) -> Settings {
    let mut settings = Settings::default();
    for Entry { key, node, .. } in reading.entries("`interlace.yaml`", root) {
        match key.as_str() {
            "name" => settings.name = reading.text(key, node),
            "default_dialect" => settings.dialect = super::settings::dialect(key, node, reading),
            "default_engine" => settings.engine = reading.text(key, node),
            // A catalog, a server or a name from the environment is no file to be attached.
            "database" => {
                let database = reading.text(key, node);
                settings.database = database.filter(|path| !path.contains(['$', ':']) && path.ends_with(".duckdb"));
            }
            "model_paths" => settings.model_paths = reading.texts(key, node),
            "vars" => settings.variables = variables(node, reading),
            _ => {}
        }
    }
    settings
}

/// What a model says of itself.
#[derive(Debug)]
struct Header {
    name: Option<String>,
    materialise: Materialise,
    dialect: Option<Dialect>,
    tags: Vec<String>,
    /// Words for a result that is more than its query.
    barrier: Option<String>,
    engine: Option<String>,
    claims: Claims,
}

fn sql_model(
    path: &str,
    bytes: &[u8],
    dialect: Dialect,
    settings: &Settings,
    folders: &[Placed],
    found: &mut Vec<Diagnostic>,
) -> (Model, Claims) {
    let mut model = folder::model(path, bytes, dialect, found);
    let mut header = header(&model.original, &model.path, found);
    let name = header.name.take().unwrap_or_else(|| dotted(path, folders));
    model.name = Arc::from(name.as_str());
    model.key = fold(&name);
    model.dialect = header.dialect.unwrap_or(dialect);
    model.sql_name = sql_name(&name, model.dialect);
    model.materialise = header.materialise;
    model.tags = header.tags.iter().map(|tag| Arc::from(tag.as_str())).collect();
    if model.is_opaque {
        return (model, header.claims);
    }
    match with_values(&model.sql, &settings.variables, &model.path) {
        Ok(Some(sql)) => model.sql = Arc::from(sql),
        Ok(None) => {}
        Err(fault) => {
            found.push(fault);
            (model.is_opaque, model.is_rewritable) = (true, false);
        }
    }
    let is_default = |engine: &String| *engine == settings.engine.as_deref().unwrap_or("default");
    if let Some(engine) = header.engine.filter(|engine| !is_default(engine)) {
        let message = format!(
            "model `{name}` is built on engine `{engine}` and kept as written: nothing is moved between engines"
        );
        found.push(Diagnostic::note("PRJ-0020", &model.path, Span::default(), message));
        (model.is_opaque, model.is_rewritable) = (true, false);
    } else if let Some(barrier) = header.barrier {
        found.push(kept_as_written(&model.path, &name, &barrier));
        (model.is_opaque, model.is_rewritable) = (true, false);
    }
    (model, header.claims)
}

/// `models/raw/orders.sql` is `raw.orders`.
fn dotted(path: &str, folders: &[Placed]) -> String {
    let clean = |folder: &str| folder.strip_prefix("./").unwrap_or(folder).trim_end_matches('/').to_owned() + "/";
    let roots: Vec<String> = match folders {
        [] => vec!["models/".to_owned()],
        folders => folders.iter().map(|(folder, _)| clean(folder)).collect(),
    };
    let below = roots.iter().filter_map(|root| path.strip_prefix(root.as_str())).min_by_key(|rest| rest.len());
    let folder = below.and_then(|rest| rest.rsplit_once('/')).map(|(folder, _)| folder.replace('/', ".") + ".");
    folder.unwrap_or_default() + stem(path)
}

/// The settings in the comment at the text's start.
fn header(text: &str, source: &Arc<str>, found: &mut Vec<Diagnostic>) -> Header {
    let mut header = Header {
        name: None,
        materialise: Materialise::Table,
        dialect: None,
        tags: Vec::new(),
        barrier: None,
        engine: None,
        claims: Claims { result: SourceDecl::of(String::new(), Span::default()), facts: Vec::new() },
    };
    let Some((start, yaml)) = leading_comment(text) else { return header };
    let mut own = Vec::new();
    let mut reading = Reading { source: Arc::clone(source), found: &mut own };
    if let Some(root) = parse(yaml.as_bytes(), &mut reading) {
        let entries = reading.entries("a model's comment", &root);
        if let Some(settings) = entries.iter().find(|entry| entry.key == "interlace") {
            read_header(&settings.node, &mut header, &mut reading);
        }
    }
    // The comment was read by itself; places are meant in the file.
    for diagnostic in &mut own {
        let Span { start: from, end: to } = diagnostic.span;
        diagnostic.span = Span::new(from as usize + start, to as usize + start);
    }
    found.append(&mut own);
    header
}

/// The block comment before the query whose text begins with `interlace:`, with its place.
fn leading_comment(text: &str) -> Option<(usize, &str)> {
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.starts_with("--") {
            at += rest.find('\n')? + 1;
        } else if let Some(open) = rest.strip_prefix("/*") {
            let inside = &open[..open.find("*/")?];
            let yaml = inside.trim_start();
            if yaml.starts_with("interlace:") {
                return Some((at + 2 + inside.len() - yaml.len(), yaml));
            }
            at += 2 + inside.len() + 2;
        } else {
            return None;
        }
    }
}

fn read_header(node: &Node, header: &mut Header, reading: &mut Reading<'_>) {
    for Entry { key, node, .. } in reading.entries("interlace", node) {
        match key.as_str() {
            "name" => header.name = reading.text(key, node),
            "materialise" | "materialize" => match reading.text(key, node).unwrap_or_default().as_str() {
                "virtual" | "table" | "file" => {}
                "view" => header.materialise = Materialise::View,
                "ephemeral" => header.materialise = Materialise::Ephemeral,
                other => {
                    let known = ["virtual", "view", "ephemeral", "table", "file"];
                    let help = super::yaml::did_you_mean(other, known);
                    reading.fault_with("PRJ-0022", node.span, format!("found `{other}` as `{key}`"), help);
                }
            },
            "strategy" => header.barrier = reading.text(key, node).filter(|word| !WHOLE.contains(&word.as_str())),
            "dialect" => header.dialect = super::settings::dialect(key, node, reading),
            "engine" => header.engine = reading.text(key, node),
            "tags" => header.tags = reading.texts(key, node).into_iter().map(|(tag, _)| tag).collect(),
            "columns" => columns(node, &mut header.claims.result, reading),
            "checks" => {
                for check in reading.items(node) {
                    header.claims.facts.extend(read_check(check, reading));
                }
            }
            _ => {}
        }
    }
}

/// `{unique: [a, b]}`, `{relationships: {column: a, to: m, field: b}}`, `{type: not_null, column: a}`. A
/// check that only warns proves nothing.
fn read_check(node: &Node, reading: &mut Reading<'_>) -> Option<(Vec<Arc<str>>, TestedClaim, Arc<str>)> {
    let Value::Map(entries) = &node.value else { return None };
    let explicit = entries.iter().find(|entry| entry.key == "type");
    let (kind, parameters) = match (explicit, entries.first()) {
        (Some(kind), _) => (reading.text("type", &kind.node)?, node),
        (None, Some(only)) => (only.key.clone(), &only.node),
        (None, None) => return None,
    };
    let named = |name: &str| match &parameters.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == name).map(|entry| &entry.node),
        _ => None,
    };
    let severity = named("severity").and_then(|node| reading.text("severity", node));
    if severity.is_some_and(|severity| severity != "error") {
        return None;
    }
    let listed = match &parameters.value {
        Value::Map(_) => named("column").or_else(|| named("columns"))?,
        _ => parameters,
    };
    let columns: Vec<Arc<str>> = reading.texts("column", listed).iter().map(|(name, _)| fold(name)).collect();
    let claim = match kind.as_str() {
        "not_null" => TestedClaim::NotNull,
        "unique" => TestedClaim::Unique,
        "accepted_values" => {
            let values = reading.texts("values", named("values")?);
            TestedClaim::OneOf(values.iter().map(|(value, _)| Arc::from(value.as_str())).collect())
        }
        "relationships" => {
            let (to, field) = (reading.text("to", named("to")?)?, reading.text("field", named("field")?)?);
            TestedClaim::References(fold(&to), vec![fold(&field)])
        }
        _ => return None,
    };
    let name = format!("check {kind} of {}", columns.join(", "));
    (!columns.is_empty()).then(|| (columns, claim, Arc::from(name)))
}
