//! Manifests as dbt writes them: packages, versions of the schema, names, and models that stay as they are.

use isomer_ir::{ModelProject, SourceData};
use serde_json::{Map, Value, json};

use super::{ProjectFiles, ReadOptions, read_project};

/// A manifest of version `version` whose nodes are given by id.
fn manifest(version: &str, nodes: &[(&str, Value)], sources: &[(&str, Value)]) -> String {
    let named = |list: &[(&str, Value)]| -> Map<String, Value> {
        list.iter().map(|(id, node)| ((*id).to_owned(), node.clone())).collect()
    };
    let manifest = json!({
        "metadata": {
            "dbt_schema_version": format!("https://schemas.getdbt.com/dbt/manifest/{version}.json"),
            "adapter_type": "postgres", "project_name": "shop",
        },
        "nodes": named(nodes), "sources": named(sources),
    });
    manifest.to_string()
}

fn read(text: &str) -> (Option<ModelProject>, Vec<String>) {
    let files = ProjectFiles::from([("target/manifest.json".to_owned(), text.as_bytes().to_vec())]);
    let (project, told) = read_project(&files, &ReadOptions::default());
    (project, told.iter().map(|told| format!("{} {}: {}", told.code, told.source, told.message)).collect())
}

/// A model with what differs from a plain table of the project.
fn model(id: &str, differs: &Value) -> Value {
    let (package, name) = id.strip_prefix("model.").and_then(|id| id.split_once('.')).unwrap();
    let mut node = json!({
        "resource_type": "model", "name": name, "package_name": package, "alias": name, "schema": "main",
        "relation_name": format!("\"dev\".\"main\".\"{name}\""), "original_file_path": format!("models/{name}.sql"),
        "compiled_code": "select 1 as x", "config": {"materialized": "table"},
    });
    for (key, value) in differs.as_object().unwrap() {
        node[key] = value.clone();
    }
    node
}

fn told(project: &ModelProject) -> Vec<String> {
    let one = |model: &isomer_ir::Model| format!("{} {} {}", model.name, model.sql_name, model.path);
    project.models.iter().map(one).collect()
}

#[test]
fn packages() {
    let other = json!({"relation_name": "\"dev\".\"audit\".\"orders\""});
    let third = json!({"relation_name": "\"dev\".\"third\".\"orders\""});
    let nodes = [
        ("model.shop.orders", model("model.shop.orders", &json!({}))),
        ("model.audit.orders", model("model.audit.orders", &other)),
        ("model.third.orders", model("model.third.orders", &third)),
        ("model.audit.checks", model("model.audit.checks", &json!({}))),
        (
            "seed.audit.codes",
            json!({"resource_type": "seed", "name": "codes", "package_name": "audit", "schema": "main",
                   "original_file_path": "seeds/codes.csv"}),
        ),
    ];
    let (project, found) = read(&manifest("v12", &nodes, &[]));
    assert_eq!(found, Vec::<String>::new());
    let project = project.unwrap();
    let expect = [
        "checks \"dev\".\"main\".\"checks\" dbt_packages/audit/models/checks.sql",
        "audit.orders \"dev\".\"audit\".\"orders\" dbt_packages/audit/models/orders.sql",
        "third.orders \"dev\".\"third\".\"orders\" dbt_packages/third/models/orders.sql",
        "orders \"dev\".\"main\".\"orders\" models/orders.sql",
    ];
    assert_eq!(told(&project), expect);
    let bound = crate::bind_project(project.clone());
    let n_of = |selector: &str| crate::select(&bound, &[selector.to_owned()], &[]).unwrap().len();
    assert_eq!(
        ["package:audit", "package:this", "package:shop", "audit", "audit.orders", "package:*"].map(n_of),
        [2, 1, 1, 2, 1, 4]
    );
    assert_eq!(project.sources[0].data, SourceData::File("dbt_packages/audit/seeds/codes.csv".into()));
}

#[test]
fn versions_of_the_schema() {
    let test = json!({
        "resource_type": "test", "name": "unique_orders_id", "test_metadata": {"name": "unique", "kwargs": {"column_name": "id"}},
        "config": {}, "depends_on": {"nodes": ["source.shop.raw.orders"]},
    });
    let orders = json!({
        "resource_type": "source", "name": "orders", "relation_name": "\"dev\".\"raw\".\"orders\"",
        "columns": {"id": {"name": "id", "data_type": "bigint"}},
    });
    let mut both = test.clone();
    both["depends_on"]["nodes"] = json!(["source.shop.raw.orders", "model.shop.m"]);
    let n_keys = |version: &str, test: &Value| {
        let nodes = [("model.shop.m", model("model.shop.m", &json!({}))), ("test.shop.t", test.clone())];
        let (project, found) = read(&manifest(version, &nodes, &[("source.shop.raw.orders", orders.clone())]));
        let told = found.iter().filter(|told| told.starts_with("PRJ-0013")).cloned().collect::<Vec<_>>().join("; ");
        (project.map(|project| project.catalog.get("dev.raw.orders").unwrap().keys.len()), told)
    };
    // Before dbt 1.6 a test does not say which node it is about: of one node it is clear.
    assert_eq!(n_keys("v9", &test), (Some(1), String::new()));
    assert_eq!(n_keys("v11", &both), (Some(0), String::new()));
    let message = "found a manifest of schema `v20`, and read it as `v12`, the last one that is known";
    assert_eq!(n_keys("v20", &test), (Some(1), format!("PRJ-0013 target/manifest.json: {message}")));
    let message = "found a manifest of schema `v8`, expected `v9` to `v12`";
    assert_eq!(n_keys("v8", &test), (None, format!("PRJ-0013 target/manifest.json: {message}")));
}

#[test]
fn relations_without_a_name() {
    let nameless = |database: Value| json!({"relation_name": null, "database": database, "alias": "Big orders"});
    let nodes = [
        ("model.shop.a", model("model.shop.a", &nameless(json!("dev")))),
        ("model.shop.b", model("model.shop.b", &nameless(Value::Null))),
    ];
    let (project, _) = read(&manifest("v12", &nodes, &[]));
    let names: Vec<String> =
        project.unwrap().models.iter().map(|model| format!("{} {}", model.key, model.sql_name)).collect();
    assert_eq!(names, ["dev.main.big orders dev.main.\"Big orders\"", "main.big orders main.\"Big orders\""]);
}

#[test]
fn one_relation_of_several_nodes() {
    let source = |relation: &str, columns: Value| json!({"resource_type": "source", "name": "s", "relation_name": relation, "columns": columns});
    let columns = json!({"id": {"name": "id", "data_type": "bigint"}});
    let seed = json!({
        "resource_type": "seed", "name": "codes", "relation_name": "\"dev\".\"raw\".\"codes\"",
        "original_file_path": "seeds/codes.csv", "columns": {},
    });
    let nodes = [("model.shop.m", model("model.shop.m", &json!({}))), ("seed.shop.codes", seed)];
    let sources = [
        ("source.shop.raw.codes", source("\"dev\".\"raw\".\"codes\"", columns.clone())),
        // What a model makes is the model's, and no table that stands before.
        ("source.shop.raw.m", source("\"dev\".\"main\".\"m\"", columns)),
    ];
    let (project, _) = read(&manifest("v12", &nodes, &sources));
    let project = project.unwrap();
    let told: Vec<(&str, &SourceData)> = project.sources.iter().map(|source| (&*source.key, &source.data)).collect();
    assert_eq!(told, [("dev.raw.codes", &SourceData::File("seeds/codes.csv".into()))]);
    assert_eq!(project.catalog.get("dev.raw.codes").unwrap().columns.len(), 1);
    assert!(project.catalog.get("dev.main.m").is_none());
}

#[test]
fn what_reads_itself_is_kept() {
    let text = |sql: &str| json!({ "compiled_code": sql });
    let nodes = [
        (
            "model.shop.m",
            model("model.shop.m", &text("select x from t where x > (select max(x) from \"dev\".\"main\".\"m\")")),
        ),
        ("model.shop.n", model("model.shop.n", &text("select x from \"dev\".\"main\".\"n_2\""))),
    ];
    let (project, found) = read(&manifest("v12", &nodes, &[]));
    let message = "model `m` is a reader of itself and kept as written: its result is more than its query";
    assert_eq!(found, [format!("PRJ-0020 models/m.sql: {message}")]);
    let opaque: Vec<bool> = project.unwrap().models.iter().map(|model| model.is_opaque).collect();
    assert_eq!(opaque, [true, false]);
}

#[test]
fn tables_whose_columns_nobody_tells() {
    let text = |sql: &str| json!({ "compiled_code": sql, "alias": "m" });
    let source =
        json!({"resource_type": "source", "name": "t", "relation_name": "\"dev\".\"raw\".\"t\"", "columns": {}});
    let bound = |sql: &str| {
        let nodes = [("model.shop.m", model("model.shop.m", &text(sql)))];
        let text = manifest("v12", &nodes, &[("source.shop.raw.t", source.clone())]);
        let bound = crate::bind_project(read(&text).0.unwrap());
        bound.diagnostics.iter().map(|told| format!("{} {}", told.code, told.message)).collect::<Vec<_>>()
    };
    let untold = "SQL-0017 reads `dev.raw.t`, whose columns nobody tells";
    assert_eq!(bound("select * from \"dev\".\"raw\".\"t\""), [untold]);
    assert_eq!(bound("select a.x + 1 as y from \"dev\".\"raw\".\"t\" a"), [untold]);
    // What needs no column is understood, and what is no query is a fault of its own.
    assert_eq!(bound("select count(*) as n from \"dev\".\"raw\".\"t\""), Vec::<String>::new());
    assert_ne!(bound("select ( from \"dev\".\"raw\".\"t\""), [untold]);
}
