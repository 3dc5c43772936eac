//! A generated dbt project: a manifest with any number of models in the flavour of one adapter.
//!
//! Models are layered as dbt projects are (staging, intermediate, marts) and written as their authors
//! write them: imports as common table expressions, one step after another, `select * from final`. The
//! same number, flavour and seed give the same bytes.

mod flavour;
mod model;
mod random;

use std::fmt::Write as _;

use isomer_frontend::ProjectFiles;
use serde_json::{Map, Value, json};

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

/// Generates a project of `n_models` models.
#[must_use]
pub fn generate(n_models: usize, flavour: Flavour, seed: u64) -> Generated {
    let mut random = Random::new(seed);
    let sources: Vec<Relation> = (0..(n_models / 20).clamp(4, 200)).map(|number| source(number, flavour)).collect();
    let mut nodes = Map::new();
    let mut layers: [Vec<(String, Relation)>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    let mut n_lines = 0;
    for number in 0..n_models {
        let layer = match number * 10 / n_models.max(1) {
            0..3 => 0,
            3..6 => 1,
            _ => 2,
        };
        let name = format!("{}_{number:05}", ["stg", "int", "fct"][layer]);
        let upstream: Vec<(String, Relation)> = match layer {
            0 => vec![pick_source(&sources, &mut random)],
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
        n_lines += sql.lines().count();
        let id = format!("model.generated.{name}");
        let relation = Relation { name: flavour.relation("marts", &name), columns };
        let reads: Vec<&String> = upstream.iter().map(|(id, _)| id).collect();
        nodes.insert(id.clone(), node(&name, &relation, &sql, layer, &reads));
        layers[layer].push((id, relation));
    }
    let manifest = json!({
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
            "adapter_type": flavour.adapter(),
            "project_name": "generated",
        },
        "nodes": nodes,
        "sources": sources.iter().enumerate().map(|(number, source)| source_node(number, source)).collect::<Map<_, _>>(),
    });
    let described: Map<String, Value> =
        sources.iter().enumerate().map(|(number, source)| catalog_table(number, source, flavour)).collect();
    let catalog = json!({"nodes": {}, "sources": described});
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

fn source_id(number: usize) -> String {
    format!("source.generated.raw.events_{number:03}")
}

fn pick_source(sources: &[Relation], random: &mut Random) -> (String, Relation) {
    let number = random.below(sources.len());
    (source_id(number), sources[number].clone())
}

fn source_node(number: usize, source: &Relation) -> (String, Value) {
    let name = format!("events_{number:03}");
    let node = json!({
        "resource_type": "source", "name": name, "identifier": name, "relation_name": source.name,
        "original_file_path": "models/sources.yml", "config": {"enabled": true}, "columns": {},
    });
    (source_id(number), node)
}

fn catalog_table(number: usize, source: &Relation, flavour: Flavour) -> (String, Value) {
    let columns = source.columns.iter().enumerate().map(|(index, column)| {
        let data_type = flavour.data_type(column.kind);
        (column.name.clone(), json!({"name": column.name, "type": data_type, "index": index + 1}))
    });
    let table = json!({
        "columns": columns.collect::<Map<_, _>>(),
        "stats": {"row_count": {"id": "row_count", "value": 100_000}},
    });
    (source_id(number), table)
}

fn node(name: &str, relation: &Relation, sql: &str, layer: usize, reads: &[&String]) -> Value {
    let folder = ["staging", "intermediate", "marts"][layer];
    let mut path = String::new();
    let _ = write!(path, "models/{folder}/{name}.sql");
    json!({
        "resource_type": "model", "name": name, "relation_name": relation.name, "original_file_path": path,
        "language": "sql", "compiled_code": sql, "tags": [folder],
        "config": {"enabled": true, "materialized": if layer == 2 { "table" } else { "view" }},
        "depends_on": {"nodes": reads}, "columns": {},
    })
}
