//! A generated dbt project: a manifest with any number of models in the flavour of one adapter.
//!
//! Models are layered as dbt projects are (staging, intermediate, marts) and written as their authors
//! write them: imports as common table expressions, one step after another, `select * from final`. The
//! same number, flavour and seed give the same bytes.

mod ephemeral;
mod flavour;
mod model;
mod random;
mod whole;

use isomer_frontend::ProjectFiles;
use serde_json::{Map, Value, json};

use ephemeral::Ephemerals;
pub use flavour::Flavour;
use model::{Column, Kind, Relation};
use random::Random;

/// Rows that tell models apart are few, so that joins and groups meet.
const COLUMNS: [(&str, Kind); 10] = [
    ("id", Kind::Key),
    ("account_id", Kind::Key),
    ("status", Kind::Text),
    ("channel", Kind::Text),
    ("note", Kind::Text),
    ("quantity", Kind::Int),
    ("amount", Kind::Money),
    ("booked_on", Kind::Date),
    ("created_at", Kind::Time),
    ("is_test", Kind::Flag),
];

/// A generated project.
#[derive(Debug)]
pub struct Generated {
    /// `target/manifest.json` and `target/catalog.json`.
    pub files: ProjectFiles,
    /// Lines of all models together.
    pub n_lines: usize,
}

/// Generates a project of `n_models` models: tables and views alone.
#[must_use]
pub fn generate(n_models: usize, flavour: Flavour, seed: u64) -> Generated {
    made(n_models, flavour, seed, false)
}

/// Generates a project of `n_models` models with all that dbt projects have beside tables and views:
/// ephemeral, incremental, Python and disabled models, packages, seeds, snapshots, tests, and the parts of
/// a manifest that are no models.
#[must_use]
pub fn generate_whole(n_models: usize, flavour: Flavour, seed: u64) -> Generated {
    made(n_models, flavour, seed, true)
}

fn made(n_models: usize, flavour: Flavour, seed: u64, is_whole: bool) -> Generated {
    let mut random = Random::new(seed);
    let sources: Vec<Relation> = (0..(n_models / 20).clamp(4, 200)).map(|number| source(number, flavour)).collect();
    let mut nodes = Map::new();
    let mut layers: [Vec<(String, Relation)>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    let mut n_lines = 0;
    let mut ephemerals = Ephemerals::default();
    let mut described = Map::new();
    for number in 0..n_models {
        let layer = match number * 10 / n_models.max(1) {
            0..3 => 0,
            3..6 => 1,
            _ => 2,
        };
        let name = format!("{}_{number:05}", ["stg", "int", "fct"][layer]);
        let upstream: Vec<(String, Relation)> = match layer {
            0 => vec![pick_source(&sources, is_whole, &mut random)],
            _ => {
                let below = if layer == 2 && !layers[1].is_empty() { &layers[1] } else { &layers[0] };
                let mut picked: Vec<(String, Relation)> =
                    (0..1 + random.below(3)).map(|_| below[random.below(below.len())].clone()).collect();
                picked.dedup_by(|a, b| a.0 == b.0);
                picked
            }
        };
        let relations: Vec<&Relation> = upstream.iter().map(|(_, relation)| relation).collect();
        let (sql, columns) = model::write(&relations, layer, flavour, &mut random);
        let reads: Vec<&String> = upstream.iter().map(|(id, _)| id).collect();
        let kind = if is_whole { whole::kind(layer, &mut random) } else { whole::plain(layer) };
        let package = if is_whole { whole::package(number) } else { whole::PROJECT };
        // Every tenth model of the package is called as one of the project's.
        let alias = name.clone();
        let name = if number % 100 == 19 && is_whole {
            format!("{}_{:05}", ["stg", "int", "fct"][layer], number - 1)
        } else {
            name
        };
        let id = format!("model.{package}.{name}");
        let is_ephemeral = kind == "ephemeral";
        let relation = if is_ephemeral { format!("__dbt__cte__{alias}") } else { flavour.relation("marts", &alias) };
        let relation = Relation { name: relation, columns };
        let read_names: Vec<&str> = relations.iter().map(|relation| relation.name.as_str()).collect();
        let compiled = ephemerals.inject(&sql, &read_names);
        if is_ephemeral {
            ephemerals.add(&relation.name, sql.clone(), &read_names);
        }
        n_lines += compiled.lines().count();
        let node = Node {
            name: &name,
            alias: &alias,
            package,
            kind,
            relation: &relation,
            raw: &sql,
            sql: &compiled,
            layer,
            reads: &reads,
        };
        nodes.insert(id.clone(), node.json());
        if matches!(kind, "incremental" | "python") {
            described.insert(id.clone(), catalog_table(&relation, flavour, is_whole));
        }
        layers[layer].push((id, relation));
    }
    let (mut source_nodes, mut described_sources) = (Map::new(), Map::new());
    for (number, source) in sources.iter().enumerate() {
        let (id, node) = source_node(number, source, is_whole);
        let table = catalog_table(source, flavour, is_whole);
        if node["resource_type"] == "source" {
            source_nodes.insert(id.clone(), node);
            described_sources.insert(id, table);
        } else {
            nodes.insert(id.clone(), node);
            described.insert(id, table);
        }
    }
    let mut manifest = json!({
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
            "adapter_type": flavour.adapter(),
            "project_name": whole::PROJECT,
        },
    });
    if is_whole {
        whole::add_tests(&mut nodes, sources.len());
        whole::add_rest(&mut manifest, &nodes);
    }
    manifest["nodes"] = Value::Object(nodes);
    manifest["sources"] = Value::Object(source_nodes);
    let catalog = json!({"nodes": described, "sources": described_sources});
    let files = ProjectFiles::from([
        ("target/manifest.json".to_owned(), manifest.to_string().into_bytes()),
        ("target/catalog.json".to_owned(), catalog.to_string().into_bytes()),
    ]);
    Generated { files, n_lines }
}

fn source(number: usize, flavour: Flavour) -> Relation {
    let columns = COLUMNS.iter().map(|(name, kind)| Column { name: (*name).to_owned(), kind: *kind }).collect();
    Relation { name: flavour.relation("raw", &format!("events_{number:03}")), columns }
}

/// In a whole project every fifth source is a seed, and every fifth a snapshot.
fn source_id(number: usize, is_whole: bool) -> String {
    match number % 5 {
        3 if is_whole => format!("seed.generated.events_{number:03}"),
        4 if is_whole => format!("snapshot.generated.events_{number:03}"),
        _ => format!("source.generated.raw.events_{number:03}"),
    }
}

fn pick_source(sources: &[Relation], is_whole: bool, random: &mut Random) -> (String, Relation) {
    let number = random.below(sources.len());
    (source_id(number, is_whole), sources[number].clone())
}

fn source_node(number: usize, source: &Relation, is_whole: bool) -> (String, Value) {
    let name = format!("events_{number:03}");
    let id = source_id(number, is_whole);
    let node = json!({
        "resource_type": id.split('.').next(), "name": name, "identifier": name, "relation_name": source.name,
        "original_file_path": "models/sources.yml", "config": {"enabled": true}, "columns": {},
    });
    (id, node)
}

/// A table as the database describes it. Snowflake tells the names of columns in capitals.
fn catalog_table(relation: &Relation, flavour: Flavour, is_whole: bool) -> Value {
    let columns = relation.columns.iter().enumerate().map(|(index, column)| {
        let is_upper = is_whole && flavour == Flavour::Snowflake;
        let name = if is_upper { column.name.to_uppercase() } else { column.name.clone() };
        let column = json!({"name": name, "type": flavour.data_type(column.kind), "index": index + 1});
        (name, column)
    });
    json!({
        "columns": columns.collect::<Map<_, _>>(),
        "stats": {"row_count": {"id": "row_count", "value": 100_000}},
    })
}

/// A model on its way into the manifest.
struct Node<'a> {
    name: &'a str,
    alias: &'a str,
    package: &'a str,
    /// How it is kept; `python` and `disabled` are no words of dbt's for that.
    kind: &'a str,
    relation: &'a Relation,
    /// As its author wrote it, but for names.
    raw: &'a str,
    sql: &'a str,
    layer: usize,
    reads: &'a [&'a String],
}

impl Node<'_> {
    fn json(&self) -> Value {
        let Self { name, alias, package, kind, relation, raw, sql, layer, reads } = *self;
        let folder = ["staging", "intermediate", "marts"][layer];
        let is_python = kind == "python";
        let extension = if is_python { "py" } else { "sql" };
        json!({
            "resource_type": "model", "name": name, "alias": alias, "package_name": package,
            "relation_name": if kind == "ephemeral" { Value::Null } else { json!(relation.name) },
            "original_file_path": format!("models/{folder}/{alias}.{extension}"),
            "language": if is_python { "python" } else { "sql" },
            "compiled_code": if is_python { "def model(dbt, session): ..." } else { sql },
            "raw_code": raw,
            "tags": [folder],
            "config": {
                "enabled": kind != "disabled",
                "materialized": if matches!(kind, "python" | "disabled") { "table" } else { kind },
            },
            "depends_on": {"nodes": reads}, "columns": {},
        })
    }
}
