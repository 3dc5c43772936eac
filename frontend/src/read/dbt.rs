//! dbt projects, by their manifest: models are read as compiled, with the relations as edges.
//!
//! Ephemeral models, which dbt has already written into their readers, are taken out of them again by
//! `ephemeral`. Facts come from tests, which `schema_tests` reads.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use isomer_ir::{Column, DataType, Diagnostic, Dialect, Materialise, Model, Source, SourceData, Span, Table, fold};

use super::declare::Tables;
use super::ephemeral::{self, Ephemerals};
use super::manifest::{CatalogFile, CatalogTable, Manifest, ManifestColumn, Node};
use super::name::unquoted;
use super::settings::Config;
use super::smelt::kept_as_written;
use super::yaml::{Reading, did_you_mean};
use super::{Draft, ProjectFiles, schema_tests};
use crate::type_name::data_type_from_name;

/// The versions of the manifest's schema that are read: from dbt 1.5 on, where tests name their nodes.
const VERSIONS: RangeInclusive<u32> = 9..=12;
/// Most models that a message names.
const MOST_NAMED: usize = 10;

/// Reads the manifest at `path`.
pub(crate) fn read(files: &ProjectFiles, path: &str, config: &Config, reading: &mut Reading<'_>) -> Option<Draft> {
    let mut own = Reading { source: Arc::from(path), found: &mut *reading.found };
    let manifest: Manifest = parse(&files[path], "manifest", &mut own)?;
    version_fault(&manifest, &mut own)?;
    let dialect = dialect_of(&manifest, config, &mut own);
    let catalog_path = path.strip_suffix("manifest.json").map(|folder| format!("{folder}catalog.json"));
    let catalog_bytes = catalog_path.as_ref().and_then(|path| Some((path, files.get(path)?)));
    let described: CatalogFile = catalog_bytes
        .and_then(|(path, bytes)| {
            let mut of_catalog = Reading { source: Arc::from(path.as_str()), found: &mut *own.found };
            parse(bytes, "catalog", &mut of_catalog)
        })
        .unwrap_or_default();
    let mut tables = Tables::default();
    let mut unsure = Vec::new();
    let reader = Reader::of(&manifest, dialect);
    let stored = manifest
        .nodes
        .iter()
        .filter(|(_, node)| matches!(node.resource_type.as_str(), "seed" | "snapshot") && node.is_enabled());
    for (id, node) in manifest.sources.iter().filter(|(_, node)| node.is_enabled()).chain(stored) {
        let described = described.sources.get(id).or_else(|| described.nodes.get(id));
        let table = reader.table(node, described);
        if reader.is_model(&table.key) {
            continue;
        }
        if described.is_none() && !table.columns.is_empty() {
            unsure.push((Arc::clone(&table.key), node.name.clone()));
        }
        let data = match node.resource_type.as_str() {
            "seed" if node.original_file_path.ends_with(".csv") => {
                SourceData::File(Arc::from(node.path(reader.project)))
            }
            _ => SourceData::Database,
        };
        // A relation may have several nodes: a source of a seed, say. What says more of it stays.
        match tables.sources.iter_mut().find(|source| source.key == table.key) {
            Some(known) if data != SourceData::Database => known.data = data,
            Some(_) => {}
            None => tables.sources.push(Source { key: Arc::clone(&table.key), data }),
        }
        if table.columns.is_empty() && tables.catalog.get(&table.key).is_some() {
            continue;
        }
        let declared_by = catalog_path.as_deref().filter(|_| described.is_some()).unwrap_or(path);
        tables.catalog.declare_columns(&table.key, &Arc::from(declared_by));
        tables.catalog.insert(table);
    }
    let models = reader.models(&described, &mut tables, &mut own);
    let tested = schema_tests::declare(&manifest, dialect, &mut tables);
    unsure_note(&unsure, config, &mut own);
    let checksums = manifest.nodes.iter().filter(|(_, node)| node.is_model()).filter_map(|(id, node)| {
        let checksum = node.checksum.as_ref().map(|checksum| &checksum.checksum).filter(|text| !text.is_empty());
        Some((Arc::from(reader.name(id, node)), Arc::from(checksum.or(node.raw_code.as_ref())?.as_str())))
    });
    let checksums = checksums.collect();
    let name = manifest.metadata.project_name.clone();
    Some(Draft { format: "dbt", name, dialect, models, tables, tested, checksums, targets: Vec::new() })
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &str, reading: &mut Reading<'_>) -> Option<T> {
    match serde_json::from_slice(bytes) {
        Ok(value) => Some(value),
        Err(error) => {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
            let start = lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
            let message = format!("found a broken {what}: {error}");
            reading.fault("PRJ-0012", Span::new(start, start + 1), message);
            None
        }
    }
}

/// `None` when the manifest is none, or of another version.
fn version_fault(manifest: &Manifest, reading: &mut Reading<'_>) -> Option<()> {
    let help = || "write the manifest with dbt 1.5 or newer".to_owned();
    let Some(url) = &manifest.metadata.dbt_schema_version else {
        let message = "found no `metadata.dbt_schema_version`, expected a dbt manifest";
        reading.fault_with("PRJ-0013", Span::default(), message, help());
        return None;
    };
    let version = url.rsplit('/').next().unwrap_or(url).trim_end_matches(".json");
    let number = version.strip_prefix('v').and_then(|number| number.parse::<u32>().ok());
    let (first, last) = (VERSIONS.start(), VERSIONS.end());
    if number.is_none_or(|number| number < *first) {
        let message = format!("found a manifest of schema `{version}`, expected `v{first}` to `v{last}`");
        reading.fault_with("PRJ-0013", Span::default(), message, help());
        return None;
    }
    if number.is_some_and(|number| number > *last) {
        let message =
            format!("found a manifest of schema `{version}`, and read it as `v{last}`, the last one that is known");
        reading.found.push(Diagnostic::note("PRJ-0013", &reading.source, Span::default(), message));
    }
    Some(())
}

fn dialect_of(manifest: &Manifest, config: &Config, reading: &mut Reading<'_>) -> Dialect {
    if let Some(dialect) = config.dialect {
        return dialect;
    }
    let adapter = manifest.metadata.adapter_type.as_deref().unwrap_or_default();
    Dialect::from_name(adapter).unwrap_or_else(|| {
        let known = did_you_mean(adapter, Dialect::ALL.iter().map(|dialect| dialect.name()));
        let message = format!("found adapter `{adapter}`, expected one of a known dialect");
        reading.fault_with("PRJ-0006", Span::default(), message, format!("{known}; or set `dialect` in `isomer.yml`"));
        Dialect::DuckDb
    })
}

/// What the nodes of a manifest are called.
struct Reader<'a> {
    manifest: &'a Manifest,
    dialect: Dialect,
    /// Name of the project whose manifest it is; the other packages are its guests.
    project: Option<&'a str>,
    /// How many models have a folded name, and where in one project.
    named: BTreeMap<Arc<str>, usize>,
    /// Keys of the models' relations.
    keys: BTreeMap<Arc<str>, ()>,
}

impl<'a> Reader<'a> {
    fn of(manifest: &'a Manifest, dialect: Dialect) -> Self {
        let mut named = BTreeMap::new();
        let mut keys = BTreeMap::new();
        for node in manifest.nodes.values().filter(|node| node.is_model()) {
            *named.entry(fold(&node.full_name())).or_default() += 1;
            keys.insert(key_of(node, dialect), ());
        }
        Self { manifest, dialect, project: manifest.metadata.project_name.as_deref(), named, keys }
    }

    fn is_model(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// The name of a model; with its package where several have the name, but not for the project's own.
    fn name(&self, id: &str, node: &Node) -> String {
        let name = node.full_name();
        let package = node.package_name.as_deref().or_else(|| id.split('.').nth(1));
        match package {
            Some(package) if self.named.get(&fold(&name)) > Some(&1) && Some(package) != self.project => {
                format!("{package}.{name}")
            }
            _ => name,
        }
    }

    fn models(&self, described: &CatalogFile, tables: &mut Tables, reading: &mut Reading<'_>) -> Vec<Model> {
        let mut models = Vec::new();
        let mut uncompiled = Vec::new();
        let mut ephemerals = Ephemerals::of(self.manifest);
        for (id, node) in self.manifest.nodes.iter().filter(|(_, node)| node.is_model()) {
            let materialized = node.config.materialized.as_deref().unwrap_or("view");
            let is_python = node.language.as_deref() == Some("python");
            // Without a text of its own an ephemeral model is what its readers say.
            if node.is_ephemeral() && !ephemerals.contains(&ephemeral::key_of(node)) {
                continue;
            }
            if node.compiled_code.is_none() && !is_python {
                uncompiled.push(self.name(id, node));
                continue;
            }
            let mut model = self.model(id, node, &mut ephemerals);
            let barrier = match materialized {
                _ if is_python => Some("Python"),
                "ephemeral" => None,
                "table" | "view" => reads_itself(&model).then_some("a reader of itself"),
                other => Some(other),
            };
            if let Some(barrier) = barrier {
                reading.found.push(kept_as_written(&model.path, &model.name, barrier));
                (model.is_opaque, model.is_rewritable) = (true, false);
                let table = self.table(node, described.nodes.get(id));
                if !table.columns.is_empty() {
                    tables.catalog.insert(table);
                }
            } else if model.sql.trim().is_empty() {
                let message = "found an empty compiled query, expected one query";
                reading.found.push(Diagnostic::model("PRJ-0017", &model.path, Span::default(), message));
                (model.is_opaque, model.is_rewritable) = (true, false);
            }
            models.push(model);
        }
        if !uncompiled.is_empty() {
            let named: Vec<String> = uncompiled.iter().take(MOST_NAMED).map(|name| format!("`{name}`")).collect();
            let more = match uncompiled.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                rest => format!(" and {rest} more"),
            };
            let message = format!("found no `compiled_code` of {}{more}", named.join(", "));
            reading.fault_with("PRJ-0014", Span::default(), message, super::RUN_DBT.to_owned());
        }
        models
    }

    fn model(&self, id: &str, node: &Node, ephemerals: &mut Ephemerals<'_>) -> Model {
        let is_folded = node.is_ephemeral();
        let key = key_of(node, self.dialect);
        let relation = if is_folded { Arc::clone(&key) } else { Arc::from(node.relation(self.dialect)) };
        let text = node.compiled_code.as_ref().or(node.raw_code.as_ref()).map_or("", String::as_str);
        let text: Arc<str> = Arc::from(text);
        let reads = node.depends_on.nodes.iter().filter_map(|id| relation_key(self.manifest, self.dialect, id));
        let mut declared_reads: Vec<Arc<str>> = reads.collect();
        declared_reads.sort_unstable();
        declared_reads.dedup();
        let materialise = match node.config.materialized.as_deref() {
            Some("view") | None => Materialise::View,
            Some("ephemeral") => Materialise::Ephemeral,
            Some(_) => Materialise::Table,
        };
        let ephemeral::Unfolded { text: sql, folded } = ephemerals.unfold(&text);
        Model {
            name: Arc::from(self.name(id, node)),
            key,
            sql_name: relation,
            path: Arc::from(node.path(self.project)),
            original: text,
            sql,
            dialect: self.dialect,
            materialise,
            tags: node.tags.iter().map(|tag| Arc::from(tag.as_str())).collect(),
            is_rewritable: true,
            is_opaque: false,
            declared_reads,
            is_folded,
            folded,
        }
    }

    fn table(&self, node: &Node, described: Option<&CatalogTable>) -> Table {
        let columns = match described {
            Some(described) => {
                let mut columns: Vec<_> = described.columns.values().collect();
                columns.sort_by_key(|column| column.index);
                columns.into_iter().map(|found| column(&found.name, &found.type_name, self.dialect)).collect()
            }
            // Documentation may name some columns only. A list that gives every type is taken as the
            // table's schema, any other is not.
            None if node.columns.values().all(|column| column.data_type.is_some()) => {
                let columns = node.columns.values();
                let type_name = |found: &ManifestColumn| found.data_type.clone().unwrap_or_default();
                columns.map(|found| column(&found.name, &type_name(found), self.dialect)).collect()
            }
            None => Vec::new(),
        };
        Table {
            key: key_of(node, self.dialect),
            sql_name: Arc::from(node.relation(self.dialect)),
            columns,
            keys: Vec::new(),
            foreign_keys: Vec::new(),
            n_rows: described.and_then(CatalogTable::n_rows),
        }
    }
}

/// The key under which SQL names a node.
fn key_of(node: &Node, dialect: Dialect) -> Arc<str> {
    if node.is_ephemeral() { ephemeral::key_of(node) } else { fold(&unquoted(&node.relation(dialect))) }
}

/// The catalog key of a node's relation.
pub(crate) fn relation_key(manifest: &Manifest, dialect: Dialect, id: &str) -> Option<Arc<str>> {
    let node = manifest.nodes.get(id).or_else(|| manifest.sources.get(id))?;
    Some(key_of(node, dialect))
}

/// Whether a model's text names the model's own relation, as `{{ this }}` is written: it reads the rows that
/// it was given before.
fn reads_itself(model: &Model) -> bool {
    let text = &model.original;
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '`');
    text.match_indices(&*model.sql_name)
        .any(|(at, name)| !text[at + name.len()..].starts_with(is_part) && !text[..at].ends_with(is_part))
}

fn column(name: &str, type_name: &str, dialect: Dialect) -> Column {
    Column {
        name: Arc::from(name),
        key: fold(name),
        data_type: data_type_from_name(type_name, dialect).unwrap_or(DataType::Unknown),
        is_nullable: true,
        n_distinct: None,
    }
}

/// Tells whose schema stands on documentation alone.
fn unsure_note(unsure: &[(Arc<str>, String)], config: &Config, reading: &mut Reading<'_>) {
    let is_given = |key: &str| {
        config.sources.iter().any(|source| {
            let name = fold(&source.name);
            !source.columns.is_empty() && (*name == *key || key.ends_with(&format!(".{name}")))
        })
    };
    let named: Vec<String> =
        unsure.iter().filter(|(key, _)| !is_given(key)).map(|(_, name)| format!("`{name}`")).collect();
    if named.is_empty() {
        return;
    }
    let message = format!("the columns of {} are those that the manifest documents", named.join(", "));
    let help = "run `dbt docs generate` for a `target/catalog.json` if there are others";
    reading.found.push(Diagnostic::note("PRJ-0023", &reading.source, Span::default(), message).with_help(help));
}
