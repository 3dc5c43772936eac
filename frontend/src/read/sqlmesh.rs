//! SQLMesh projects: SQL models with a header `MODEL (…);`, external models and `config.yaml`.
//!
//! The query is read as it stands, so it must be without macros: `sqlmesh render` writes such a text.
//! Keys that are SQLMesh's own business (schedules, owners, physical properties) are passed over.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Dialect, Materialise, Model, Source, SourceData, Span, TestedClaim, fold};

use super::claims::{self, Claims};
use super::declare::Tables;
use super::name::{sql_name, unquoted};
use super::settings::{ColumnDecl, Config, SourceDecl, Target, columns};
use super::smelt::{blank, kept_as_written};
use super::smelt_calls::skip_token;
use super::sqlmesh_header::{Header, Kind, Property, read_header};
use super::yaml::{Entry, Node, Reading, Value, parse};
use super::{Draft, ProjectFiles, folder};

/// Whether a text begins, after comments, with a model's header.
pub(crate) fn has_header(bytes: &[u8]) -> bool {
    // Comments before a header are short; a long text without one is not looked through.
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]);
    header_start(&head).is_some()
}

/// Reads a SQLMesh project.
pub(crate) fn read(files: &ProjectFiles, config: &Config, reading: &mut Reading<'_>) -> Draft {
    let mut settings = Settings::default();
    for path in ["config.yaml", "config.yml"].into_iter().filter(|path| files.contains_key(*path)) {
        let mut own = Reading { source: Arc::from(path), found: &mut *reading.found };
        if let Some(root) = parse(&files[path], &mut own) {
            read_settings(&root, &mut settings, &mut own);
        }
    }
    let dialect = config.dialect.or(settings.dialect).unwrap_or(Dialect::DuckDb);
    let paths = folder::model_files(files, &config.model_paths, reading);
    let mut tables = Tables::default();
    for path in files.keys().filter(|path| is_external(path)) {
        let mut own = Reading { source: Arc::from(path.as_str()), found: &mut *reading.found };
        if let Some(root) = parse(&files[path.as_str()], &mut own) {
            for decl in external(&root, &mut own) {
                tables.declare(&decl, dialect, &mut own);
            }
        }
    }
    let mut said = Vec::new();
    for path in paths {
        let (model, claims, kind) = model(path, &files[path], dialect, settings.kind, reading.found);
        match kind {
            Kind::Seed(data) => seed(&model, &claims, &data, dialect, &mut tables, reading),
            Kind::Full | Kind::View | Kind::Embedded | Kind::Other(_) => said.push((model, claims)),
        }
    }
    let (models, tested) = claims::declare(said, &mut tables, dialect, reading);
    let targets = settings.targets;
    Draft { name: settings.name, models, tables, tested, targets, ..Draft::empty("sqlmesh", dialect) }
}

/// What `config.yaml` says.
#[derive(Debug, Default)]
struct Settings {
    name: Option<String>,
    dialect: Option<Dialect>,
    kind: Option<Materialise>,
    /// Gateways, the default one first.
    targets: Vec<Target>,
}

fn read_settings(root: &Node, settings: &mut Settings, reading: &mut Reading<'_>) {
    let mut default = None;
    for Entry { key, node, .. } in reading.entries("`config.yaml`", root) {
        match key.as_str() {
            "project" => settings.name = reading.text(key, node),
            "default_gateway" => default = reading.text(key, node),
            "model_defaults" => {
                for Entry { key, node, .. } in reading.entries(key, node) {
                    match key.as_str() {
                        "dialect" => settings.dialect = super::settings::dialect(key, node, reading),
                        "kind" => {
                            let word = reading.text(key, node).unwrap_or_default().to_uppercase();
                            settings.kind = (word == "FULL").then_some(Materialise::Table);
                        }
                        _ => {}
                    }
                }
            }
            "gateways" => {
                for gateway in reading.entries(key, node) {
                    settings.targets.push(target(gateway, reading));
                }
            }
            _ => {}
        }
    }
    settings.targets.sort_by_key(|target| default.as_ref() != Some(&target.name));
}

fn target(gateway: &Entry, reading: &mut Reading<'_>) -> Target {
    let mut target = Target { name: gateway.key.clone(), dialect: None, database: None };
    let entries = reading.entries("a gateway", &gateway.node);
    for connection in entries.iter().filter(|entry| entry.key == "connection") {
        for Entry { key, node, .. } in reading.entries("connection", &connection.node) {
            match key.as_str() {
                "type" => target.dialect = reading.text(key, node).and_then(|name| Dialect::from_name(&name)),
                "database" => {
                    target.database =
                        reading.text(key, node).filter(|path| path.ends_with(".db") || path.ends_with(".duckdb"));
                }
                _ => {}
            }
        }
    }
    target
}

fn is_external(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "external_models.yaml" | "external_models.yml")
        || path.starts_with("external_models/") && (name.ends_with(".yaml") || name.ends_with(".yml"))
}

/// `[{name: raw.orders, columns: {id: INT}}]`.
fn external(root: &Node, reading: &mut Reading<'_>) -> Vec<SourceDecl> {
    let mut decls = Vec::new();
    for item in reading.items(root) {
        let entries = reading.entries("an external model", item);
        let Some(name) = entries.iter().find(|entry| entry.key == "name") else { continue };
        let Value::Text(text) = &name.node.value else { continue };
        let mut decl = SourceDecl::of(unquoted(text), name.span);
        if let Some(listed) = entries.iter().find(|entry| entry.key == "columns") {
            columns(&listed.node, &mut decl, reading);
        }
        decls.push(decl);
    }
    decls
}

/// A seed is a source whose rows are a file.
fn seed(model: &Model, claims: &Claims, data: &str, dialect: Dialect, tables: &mut Tables, reading: &mut Reading<'_>) {
    let mut own = Reading { source: Arc::clone(&model.path), found: &mut *reading.found };
    tables.describe_model(model, &claims.result, dialect, &mut own);
    for (columns, claim, test) in &claims.facts {
        tables.add_fact(&isomer_ir::TestedFact {
            model: Arc::clone(&model.key),
            columns: columns.clone(),
            claim: claim.clone(),
            test: Arc::clone(test),
        });
    }
    let data = SourceData::File(Arc::from(beside(&model.path, data)));
    tables.sources.push(Source { key: Arc::clone(&model.key), data });
}

/// The path of a file that a model names relative to itself.
fn beside(path: &str, file: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    let root = file.strip_prefix("$root/");
    if root.is_some() {
        parts.clear();
    }
    for part in root.unwrap_or(file).split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn model(
    path: &str,
    bytes: &[u8],
    dialect: Dialect,
    default_kind: Option<Materialise>,
    found: &mut Vec<Diagnostic>,
) -> (Model, Claims, Kind) {
    let mut model = folder::model(path, bytes, dialect, found);
    model.materialise = default_kind.unwrap_or(Materialise::View);
    let mut claims = Claims { result: SourceDecl::of(String::new(), Span::default()), facts: Vec::new() };
    let text = Arc::clone(&model.original);
    let Some((header, after)) = header_start(&text).and_then(|start| read_header(&text, start)) else {
        return (model, claims, Kind::View);
    };
    let Header { name, kind, dialect: said, tags, is_enabled, columns: listed, facts } = header;
    if let Some(name) = name {
        let name = unquoted(&name);
        model.name = Arc::from(name.as_str());
        model.key = fold(&name);
    }
    model.dialect = said.as_deref().and_then(Dialect::from_name).unwrap_or(dialect);
    model.sql_name = sql_name(&model.name, model.dialect);
    model.tags = tags.into_iter().map(Arc::from).collect();
    model.is_rewritable = is_enabled && model.is_rewritable;
    claims.result.columns = listed.into_iter().map(column).collect();
    claims.facts = facts.into_iter().map(fact).collect();
    let kind = kind.unwrap_or(match default_kind {
        Some(_) => Kind::Full,
        None => Kind::View,
    });
    model.materialise = match kind {
        Kind::Full => Materialise::Table,
        Kind::Embedded => Materialise::Ephemeral,
        Kind::View | Kind::Seed(_) | Kind::Other(_) => Materialise::View,
    };
    if model.is_opaque {
        return (model, claims, kind);
    }
    model.sql = Arc::from(blank(&text[..after]) + &text[after..]);
    let barrier = match (&kind, said.as_deref().filter(|name| Dialect::from_name(name).is_none())) {
        (_, Some(name)) => Some(format!("written in `{name}`")),
        (Kind::Other(word), None) => Some(word.clone()),
        (Kind::Full | Kind::View | Kind::Embedded | Kind::Seed(_), None) => None,
    };
    if let Some(barrier) = barrier {
        model.materialise = Materialise::Table;
        found.push(kept_as_written(&model.path, &model.name, &barrier));
        (model.is_opaque, model.is_rewritable) = (true, false);
    } else if let Some(span) = macro_in(&text, after).filter(|_| !matches!(kind, Kind::Seed(_))) {
        let message =
            format!("found macro `{}`, expected a query without macros", &text[span.start as usize..span.end as usize]);
        let fault = Diagnostic::model("PRJ-0019", &model.path, span, message);
        found.push(fault.with_help("write the query with `sqlmesh render`; the model stays as it is"));
        (model.is_opaque, model.is_rewritable) = (true, false);
    }
    (model, claims, kind)
}

fn column((name, data_type, span): Property) -> ColumnDecl {
    let type_name = Some((data_type, span));
    ColumnDecl { name, span, type_name, is_nullable: true, n_distinct: None }
}

fn fact((columns, claim, by): (Vec<String>, TestedClaim, String)) -> (Vec<Arc<str>>, TestedClaim, Arc<str>) {
    (columns.iter().map(|name| fold(&unquoted(name))).collect(), claim, Arc::from(by))
}

/// Where the word `MODEL` of a header stands.
fn header_start(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.starts_with("--") {
            at += rest.find('\n')? + 1;
        } else if rest.starts_with("/*") {
            at += rest.find("*/")? + 2;
        } else {
            let word = rest.get(..5).filter(|word| word.eq_ignore_ascii_case("model"))?;
            return rest[word.len()..].trim_start().starts_with('(').then_some(at);
        }
    }
}

/// The first macro of a query: `@name` or `@{name}`.
fn macro_in(text: &str, from: usize) -> Option<Span> {
    let mut at = from;
    while at < text.len() {
        let next = skip_token(text, at);
        let follows = text[next..].chars().next();
        if &text[at..next] == "@" && follows.is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '{')) {
            let end = skip_token(text, next);
            return Some(Span::new(at, end.max(next + 1)));
        }
        at = next;
    }
    None
}
