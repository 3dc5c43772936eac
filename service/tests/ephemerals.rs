//! Ephemeral models of dbt, through the calls that the command line makes: told of by name, and in their
//! readers' texts where these stay as written.

use std::collections::BTreeMap;

use isomer_frontend::ProjectFiles;
use isomer_service::optimize::{self, Optimised, Options, Request};
use isomer_service::{lineage, schema};
use serde_json::{Value, json};

const STG: &str = "select id as order_id, customer_id, lower(status) as status from \"dev\".\"raw\".\"orders\"";
const LATEST: &str = "with __dbt__cte__stg as (\nSTG\n) select *, row_number() over (partition by customer_id order by order_id) as place from __dbt__cte__stg";

fn model(name: &str, materialized: &str, text: &str, reads: &[&str]) -> (String, Value) {
    let relation = format!("\"dev\".\"marts\".\"{name}\"");
    let node = json!({
        "resource_type": "model", "name": name, "alias": name, "relation_name": if materialized == "ephemeral" { Value::Null } else { json!(relation) },
        "original_file_path": format!("models/{name}.sql"), "language": "sql", "compiled_code": text,
        "config": {"materialized": materialized},
        "depends_on": {"nodes": reads.iter().map(|name| format!("model.shop.{name}")).collect::<Vec<_>>()},
    });
    (format!("model.shop.{name}"), node)
}

fn test_of(name: &str, kind: &str, column: &str, attached: &str) -> (String, Value) {
    let node = json!({
        "resource_type": "test", "name": name, "attached_node": format!("model.shop.{attached}"),
        "test_metadata": {"name": kind, "kwargs": {"column_name": column}}, "config": {"severity": "ERROR"},
    });
    (format!("test.shop.{name}"), node)
}

fn files(adapter: &str, models: Vec<(String, Value)>) -> ProjectFiles {
    let columns = json!({
        "id": {"name": "id", "data_type": "bigint"}, "customer_id": {"name": "customer_id", "data_type": "bigint"},
        "status": {"name": "status", "data_type": "varchar"},
    });
    let source = json!({
        "resource_type": "source", "name": "orders", "identifier": "orders", "relation_name": "\"dev\".\"raw\".\"orders\"",
        "columns": columns,
    });
    let manifest = json!({
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "adapter_type": adapter, "project_name": "shop"},
        "nodes": models.into_iter().collect::<serde_json::Map<_, _>>(), "sources": {"source.shop.raw.orders": source},
    });
    ProjectFiles::from([("target/manifest.json".to_owned(), manifest.to_string().into_bytes())])
}

fn latest() -> String {
    LATEST.replace("STG", STG)
}

/// A text with both ephemeral models written before it, as dbt does.
fn reader(text: &str) -> String {
    let (stg, latest) = latest()
        .split_once(") select")
        .map(|(stg, rest)| (stg.to_owned(), format!("select{rest}")))
        .expect("it has a list");
    format!("{stg}),  __dbt__cte__latest as (\n{latest}\n) {text}")
}

fn shop() -> ProjectFiles {
    let models = vec![
        model("stg", "ephemeral", STG, &[]),
        model("latest", "ephemeral", &latest(), &["stg"]),
        model(
            "first_orders",
            "table",
            &reader("select order_id, status from __dbt__cte__latest where place = 1"),
            &["latest"],
        ),
        model(
            "statuses",
            "table",
            &reader("select status, count(*) as n, max(place) as most from __dbt__cte__latest group by status"),
            &["latest"],
        ),
        model(
            "open",
            "view",
            &format!("with __dbt__cte__stg as (\n{STG}\n) select order_id from __dbt__cte__stg where status = 'open'"),
            &["stg"],
        ),
        test_of("unique_stg_order_id", "unique", "order_id", "stg"),
    ];
    files("duckdb", models)
}

fn optimised(files: ProjectFiles, select: &[&str]) -> Optimised {
    let options = Options { select: select.iter().map(|text| (*text).to_owned()).collect(), ..Options::default() };
    let answer = optimize::run(&Request { files, options, ..Request::default() });
    answer.optimised.unwrap_or_else(|| panic!("{:#?}", answer.diagnostics))
}

fn texts(optimised: &Optimised) -> BTreeMap<String, String> {
    optimised.output.steps.iter().map(|step| (step.name.clone(), step.sql.clone().unwrap_or_default())).collect()
}

#[test]
fn untouched_readers_keep_what_dbt_wrote_and_changed_ones_need_no_model() {
    let optimised = optimised(shop(), &[]);
    let texts = texts(&optimised);
    let names: Vec<&String> = texts.keys().collect();
    assert_eq!(names, ["first_orders", "open", "shared_latest", "statuses"]);
    let open =
        format!("with __dbt__cte__stg as (\n{STG}\n) select order_id from __dbt__cte__stg where status = 'open'");
    assert_eq!(texts["open"], open);
    let shared = optimised.output.steps.iter().find(|step| step.kind == "shared").unwrap();
    assert_eq!(shared.work_of, ["latest"]);
    for step in &optimised.output.steps {
        let sources: Vec<&String> = step.reads.iter().filter(|read| !texts.contains_key(*read)).collect();
        assert!(sources.iter().all(|read| *read == "dev.raw.orders"), "{step:?}");
    }
}

#[test]
fn lineage_and_schema_name_the_models() {
    let request = Request { files: shop(), ..Request::default() };
    let (traced, _) = lineage::run(&request).unwrap();
    let of = |name: &str| traced.models.iter().find(|model| model.name == name).unwrap();
    assert_eq!(of("statuses").reads, ["latest"]);
    assert_eq!(of("latest").reads, ["stg"]);
    let status = &of("statuses").columns[0];
    let told: Vec<String> =
        status.direct.iter().chain(&status.from).map(|from| format!("{}.{}", from.table, from.column)).collect();
    assert_eq!(told, ["latest.status", "dev.raw.orders.status"]);
    let (schema, _) = schema::run(&request).unwrap();
    let stg = schema.models.iter().find(|model| model.name == "stg").unwrap();
    assert_eq!((stg.materialise, stg.state, stg.tests.len()), ("ephemeral", "bound", 1));
    let origin = &schema.models.iter().find(|model| model.name == "open").unwrap().columns[0].type_from;
    assert_eq!((origin.kind, origin.table.as_deref()), ("model", Some("stg")));
}

#[test]
fn selectors_go_through_them() {
    let names = |select: &[&str]| texts(&optimised(shop(), select)).into_keys().collect::<Vec<String>>();
    assert_eq!(names(&["latest+"]), ["first_orders", "shared_latest", "statuses"]);
    assert_eq!(names(&["stg+1"]), ["open"]);
    // What is selected alone still stands in its readers, which need no other model.
    let one = optimised(shop(), &["first_orders"]);
    assert!(one.upstream.is_empty(), "{:?}", one.upstream);
    assert_eq!(texts(&one)["first_orders"], reader("select order_id, status from __dbt__cte__latest where place = 1"));
}

#[test]
fn what_is_not_understood_by_itself_is_read_where_it_stands() {
    // PostgreSQL makes no relation with two columns of one name, but reads such an expression.
    let twice = "select id, id, customer_id from \"dev\".\"raw\".\"orders\"";
    let text = format!(
        "with __dbt__cte__twice as (\n{twice}\n) select customer_id from __dbt__cte__twice where customer_id + 0 > 1 + 1"
    );
    let models = vec![model("twice", "ephemeral", twice, &[]), model("m", "table", &text, &["twice"])];
    let optimised = optimised(files("postgres", models), &[]);
    let kinds: Vec<(&str, &str)> = optimised.output.steps.iter().map(|step| (step.name.as_str(), step.kind)).collect();
    assert_eq!(kinds, [("m", "model")]);
    assert!(optimised.output.diagnostics.iter().any(|told| told.code == "SQL-0016"));
}
