//! smelt projects: `smelt.yml`, `sources.yml`, and models with YAML or
//! annotations before their SQL.
//!
//! Keys that are smelt's own business (schedules, owners, descriptions) are passed over; what
//! steers the meaning or the result of a model is read. Calls of `smelt.ref` are `smelt_calls`'.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Dialect, Materialise, Model, Span, fold};

use super::declare::Tables;
use super::name::{sql_name, stem};
use super::settings::{Config, SourceDecl, Target, columns, materialise_of};
use super::smelt_calls::compile;
use super::yaml::{Entry, Node, Reading, Value, did_you_mean, parse};
use super::{Draft, ProjectFiles, folder};

/// Reads a smelt project whose `smelt.yml` stands at `path`.
pub(crate) fn read(files: &ProjectFiles, path: &str, config: &Config, reading: &mut Reading<'_>) -> Draft {
    let mut own = Reading { source: Arc::from(path), found: &mut *reading.found };
    let settings = parse(&files[path], &mut own).map(|root| read_settings(&root, &mut own)).unwrap_or_default();
    let declared = settings.targets.first().and_then(|target| target.dialect);
    let dialect = config.dialect.or(declared).unwrap_or(Dialect::DuckDb);
    let folders = if config.model_paths.is_empty() { &settings.model_paths } else { &config.model_paths };
    let paths = folder::model_files(files, folders, &mut own);
    let models = paths.into_iter().map(|path| model(path, &files[path], dialect, &settings, own.found)).collect();
    let mut tables = Tables::default();
    for path in ["sources.yml", "sources.yaml"].into_iter().filter(|path| files.contains_key(*path)) {
        let mut own = Reading { source: Arc::from(path), found: &mut *reading.found };
        if let Some(root) = parse(&files[path], &mut own) {
            for decl in read_sources(&root, &mut own) {
                tables.declare(&decl, dialect, &mut own);
            }
        }
    }
    Draft { name: settings.name, models, tables, targets: settings.targets, ..Draft::empty("smelt", dialect) }
}

#[derive(Debug, Default)]
struct SmeltSettings {
    name: Option<String>,
    model_paths: Vec<(String, Span)>,
    targets: Vec<Target>,
    default: ModelKeys,
    models: Vec<(String, ModelKeys)>,
}

/// What smelt lets a model say of itself.
#[derive(Debug, Default, Clone)]
struct ModelKeys {
    name: Option<String>,
    materialise: Option<Materialise>,
    tags: Vec<String>,
    /// Words for a result that is more than its query.
    barrier: Option<String>,
}

fn read_settings(root: &Node, reading: &mut Reading<'_>) -> SmeltSettings {
    let mut settings = SmeltSettings::default();
    for Entry { key, node, .. } in reading.entries("`smelt.yml`", root) {
        match key.as_str() {
            "name" => settings.name = reading.text(key, node),
            "model_paths" | "paths" => settings.model_paths = reading.texts(key, node),
            "default_materialization" => materialisation(key, node, &mut settings.default, reading),
            "targets" => {
                for entry in reading.entries(key, node) {
                    settings.targets.push(target(entry, reading));
                }
            }
            "models" => {
                for entry in reading.entries(key, node) {
                    settings.models.push((entry.key.clone(), model_keys(&entry.node, reading)));
                }
            }
            _ => {}
        }
    }
    // smelt runs `dev` when no target is named.
    settings.targets.sort_by_key(|target| target.name != "dev");
    // `paths` also names folders of seeds, which hold no models.
    settings.model_paths.retain(|(path, _)| path != "seeds");
    settings
}

fn target(entry: &Entry, reading: &mut Reading<'_>) -> Target {
    let mut target = Target { name: entry.key.clone(), dialect: None, database: None };
    for Entry { key, node, .. } in reading.entries("a target", &entry.node) {
        match key.as_str() {
            // A type that is no dialect of ours matters when the target is chosen, not before.
            "type" => target.dialect = reading.text(key, node).and_then(|name| Dialect::from_name(&name)),
            "database" => target.database = reading.text(key, node),
            _ => {}
        }
    }
    target
}

fn model_keys(node: &Node, reading: &mut Reading<'_>) -> ModelKeys {
    let mut keys = ModelKeys::default();
    for Entry { key, node, .. } in reading.entries("a model's settings", node) {
        match key.as_str() {
            "name" => keys.name = reading.text(key, node),
            "materialization" => materialisation(key, node, &mut keys, reading),
            "tags" => keys.tags = reading.texts(key, node).into_iter().map(|(tag, _)| tag).collect(),
            "incremental" => {
                let entries = reading.entries(key, node);
                let enabled = entries.iter().find(|entry| entry.key == "enabled");
                if enabled.is_some_and(|entry| entry.node.value == Value::Boolean(true)) {
                    keys.barrier = Some("incremental".to_owned());
                }
            }
            _ => {}
        }
    }
    keys
}

fn materialisation(what: &str, node: &Node, keys: &mut ModelKeys, reading: &mut Reading<'_>) {
    let Some(word) = reading.text(what, node) else { return };
    keys.materialise = materialise_of(&word);
    match (keys.materialise, word.as_str()) {
        (Some(_), _) => {}
        (None, "incremental" | "materialized_view") => keys.barrier = Some(word),
        (None, _) => {
            let help = did_you_mean(&word, ["table", "view", "ephemeral", "incremental"]);
            reading.fault_with("PRJ-0022", node.span, format!("found `{word}` as `{what}`"), help);
        }
    }
}

/// `sources: {schema: {tables: {table: {columns: […]}}}}`, and the shorter `{schema.table: {columns}}`.
fn read_sources(root: &Node, reading: &mut Reading<'_>) -> Vec<SourceDecl> {
    let mut decls = Vec::new();
    let roots = reading.entries("`sources.yml`", root);
    for sources in roots.iter().filter(|entry| entry.key == "sources") {
        for schema in reading.entries("sources", &sources.node) {
            let Value::Map(entries) = &schema.node.value else {
                reading.entries("a source", &schema.node);
                continue;
            };
            match entries.iter().find(|entry| entry.key == "tables") {
                Some(tables) => {
                    for table in reading.entries("tables", &tables.node) {
                        decls.push(source(format!("{}.{}", schema.key, table.key), table, reading));
                    }
                }
                None => decls.push(source(schema.key.clone(), schema, reading)),
            }
        }
    }
    decls
}

fn source(name: String, entry: &Entry, reading: &mut Reading<'_>) -> SourceDecl {
    let mut source = SourceDecl::of(name, entry.span);
    for Entry { key, node, .. } in reading.entries("a source", &entry.node) {
        if key == "columns" {
            columns(node, &mut source, reading);
        }
    }
    source
}

fn model(path: &str, bytes: &[u8], dialect: Dialect, settings: &SmeltSettings, found: &mut Vec<Diagnostic>) -> Model {
    let mut model = folder::model(path, bytes, dialect, found);
    let mut text = model.sql.to_string();
    let mut front = annotated(&text, &model.path, found);
    if let Some((start, end, after)) = frontmatter(&text) {
        let yaml: String = blank(&text[..start]) + &text[start..end];
        let mut reading = Reading { source: Arc::clone(&model.path), found: &mut *found };
        if let Some(root) = parse(yaml.as_bytes(), &mut reading) {
            let keys = model_keys(&root, &mut reading);
            front = ModelKeys {
                name: keys.name.or(front.name),
                materialise: keys.materialise.or(front.materialise),
                tags: keys.tags.into_iter().chain(front.tags).collect(),
                barrier: keys.barrier.or(front.barrier),
            };
        }
        text = blank(&text[..after]) + &text[after..];
    }
    let listed = settings.models.iter().find(|(name, _)| name == front.name.as_deref().unwrap_or(stem(path)));
    let listed = listed.map(|(_, keys)| keys.clone()).unwrap_or_default();
    if let Some(name) = &front.name {
        model.name = Arc::from(name.as_str());
        model.key = fold(name);
        model.sql_name = sql_name(name, dialect);
    }
    let said = front.materialise.or(listed.materialise).or(settings.default.materialise);
    model.materialise = said.unwrap_or(Materialise::View);
    model.tags = front.tags.iter().chain(&listed.tags).map(|tag| Arc::from(tag.as_str())).collect();
    if model.is_opaque {
        return model;
    }
    match compile(&text, &model.path, dialect) {
        Ok(sql) => model.sql = Arc::from(sql),
        Err(faults) => {
            found.extend(faults);
            model.sql = Arc::from(text);
            (model.is_opaque, model.is_rewritable) = (true, false);
        }
    }
    if let Some(barrier) = front.barrier.or(listed.barrier).or(settings.default.barrier.clone()) {
        found.push(kept_as_written(&model.path, &model.name, &barrier));
        (model.is_opaque, model.is_rewritable) = (true, false);
    }
    model
}

/// What comment lines before the query say: `-- @materialize: table`, `-- @tags: a, b`, `-- @name: m`,
/// `-- @incremental: true`. `@allow_rewrite` is read with the annotations of all formats.
fn annotated(text: &str, source: &Arc<str>, found: &mut Vec<Diagnostic>) -> ModelKeys {
    let mut keys = ModelKeys::default();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let span = Span::new(start, start + line.trim_end().len());
        start += line.len();
        let Some(comment) = line.trim().strip_prefix("--").map(str::trim) else {
            if line.trim().is_empty() {
                continue;
            }
            break;
        };
        let Some((key, value)) = comment.strip_prefix('@').and_then(|said| said.split_once(':')) else { continue };
        let value = value.trim();
        match key.trim() {
            "name" => keys.name = Some(value.to_owned()),
            "materialize" | "materialise" | "materialized" | "materialization" => {
                let node = Node { span, value: Value::Text(value.to_owned()) };
                let mut reading = Reading { source: Arc::clone(source), found: &mut *found };
                materialisation(key, &node, &mut keys, &mut reading);
            }
            "tags" => {
                let listed = value.trim_matches(['[', ']']).split(',').map(str::trim);
                keys.tags = listed.filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
            }
            "incremental" if value == "true" => keys.barrier = Some("incremental".to_owned()),
            _ => {}
        }
    }
    keys
}

/// The note of a model whose result is more than its query.
pub(crate) fn kept_as_written(path: &Arc<str>, name: &str, barrier: &str) -> Diagnostic {
    let message = format!("model `{name}` is {barrier} and kept as written: its result is more than its query");
    Diagnostic::note("PRJ-0020", path, Span::default(), message)
}

/// The YAML between two lines `---` before the SQL: its start, its end, and where the SQL begins.
/// Blank lines and line comments may stand before it.
fn frontmatter(text: &str) -> Option<(usize, usize, usize)> {
    let mut offset = 0;
    let mut start = None;
    for line in text.split_inclusive('\n') {
        let next = offset + line.len();
        let line = line.trim_end();
        match start {
            None if line == "---" => start = Some(next),
            None if line.trim_start().is_empty() || line.trim_start().starts_with("--") => {}
            None => return None,
            Some(start) if line == "---" => return Some((start, offset, next)),
            Some(_) => {}
        }
        offset = next;
    }
    None
}

/// The text with everything but line ends blanked, byte by byte, so that places stay what they are.
pub(crate) fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}
