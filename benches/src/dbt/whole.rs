//! What dbt projects have beside tables and views.

use serde_json::{Map, Value, json};

use super::random::Random;
use super::source_id;

/// Name of the project.
pub(super) const PROJECT: &str = "generated";
/// Name of a package that it uses.
const PACKAGE: &str = "audit_helper";

/// How a model of a layer is kept in a project of tables and views.
pub(super) fn plain(layer: usize) -> &'static str {
    if layer == 2 { "table" } else { "view" }
}

/// How a model of a layer is kept. Of the marts, which nobody reads, a few are no plain queries.
pub(super) fn kind(layer: usize, random: &mut Random) -> &'static str {
    match (layer, random.below(20)) {
        (0 | 1, 0..5) => "ephemeral",
        (2, 0..2) => "incremental",
        (2, 2) => "python",
        (2, 3) => "disabled",
        (2, 4..7) => "view",
        _ => plain(layer),
    }
}

/// The package of a model: every tenth comes with one.
pub(super) fn package(number: usize) -> &'static str {
    if number % 10 == 9 { PACKAGE } else { PROJECT }
}

/// Tests of sources and of models, some of which say too little to be facts.
pub(super) fn add_tests(nodes: &mut Map<String, Value>, n_sources: usize) {
    let mut tests = Vec::new();
    let mut add = |node: &str, kind: &str, column: &str, config: Value| {
        let name = format!("{kind}_{}_{column}", node.replace('.', "_"));
        let test = json!({
            "resource_type": "test", "name": name, "attached_node": node, "column_name": column,
            "test_metadata": {"name": kind, "namespace": null, "kwargs": {"column_name": column, "model": "{{ get_where_subquery(…) }}"}},
            "config": config, "depends_on": {"macros": ["macro.dbt.test_unique"], "nodes": [node]},
            "compiled_code": format!("select {column} from t"),
        });
        tests.push((format!("test.generated.{name}.{:010x}", tests.len()), test));
    };
    for number in 0..n_sources {
        let id = source_id(number, true);
        add(&id, "unique", "id", json!({"severity": "ERROR", "enabled": true}));
        add(&id, "not_null", "id", json!({"severity": "ERROR", "enabled": true}));
        add(&id, "not_null", "status", json!({"severity": "WARN"}));
        add(&id, "unique", "account_id", json!({"severity": "ERROR", "where": "is_test"}));
    }
    let models: Vec<String> = nodes.keys().filter(|id| id.starts_with("model.")).cloned().collect();
    for model in models {
        add(&model, "unique", "id", json!({"severity": "ERROR"}));
        add(&model, "not_null", "id", json!({"severity": "ERROR"}));
    }
    nodes.extend(tests);
}

/// The parts of a manifest that are no models, and nodes that are none either.
pub(super) fn add_rest(manifest: &mut Value, nodes: &Map<String, Value>) {
    let ids: Vec<&String> = nodes.keys().filter(|id| id.starts_with("model.")).collect();
    let few = |every: usize| ids.iter().step_by(every);
    let named = |kind: &str, every: usize| -> Map<String, Value> {
        let node = |(number, id): (usize, &&String)| {
            let name = format!("{kind}_{number}");
            let node = json!({"name": name, "resource_type": kind, "depends_on": {"nodes": [id]}, "config": {"enabled": true}});
            (format!("{kind}.generated.{name}"), node)
        };
        few(every).enumerate().map(node).collect()
    };
    manifest["exposures"] = Value::Object(named("exposure", 40));
    manifest["metrics"] = Value::Object(named("metric", 50));
    manifest["semantic_models"] = Value::Object(named("semantic_model", 60));
    manifest["unit_tests"] = Value::Object(named("unit_test", 70));
    manifest["saved_queries"] = json!({});
    manifest["groups"] = json!({"group.generated.finance": {"name": "finance", "owner": {"name": "f"}}});
    let macros = (0..300).map(|number| {
        let code = "{% macro m(x) %}{{ x }}{% endmacro %}\n".repeat(10);
        (format!("macro.generated.m_{number}"), json!({"name": format!("m_{number}"), "macro_sql": code}))
    });
    manifest["macros"] = Value::Object(macros.collect());
    manifest["disabled"] = json!({"model.generated.off": [{"resource_type": "model", "name": "off"}]});
    let reads = |id: &String| nodes[id]["depends_on"]["nodes"].clone();
    manifest["parent_map"] = Value::Object(nodes.keys().map(|id| (id.clone(), reads(id))).collect());
    manifest["child_map"] = json!({});
}
