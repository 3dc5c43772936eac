//! Whole projects, read from their files: each fault beside its near miss.

use std::fmt::Write;

use isomer_ir::{Dialect, Materialise, ModelProject, Severity, SourceData};

use super::{ProjectFiles, ReadOptions, read_project};

fn files(entries: &[(&str, &str)]) -> ProjectFiles {
    entries.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

fn read(entries: &[(&str, &str)], target: Option<&str>) -> (Option<ModelProject>, Vec<String>) {
    let options = ReadOptions { target: target.map(str::to_owned) };
    let (project, found) = read_project(&files(entries), &options);
    (project, found.iter().map(ToString::to_string).collect())
}

/// The project of files in which nothing is wrong.
fn sound(entries: &[(&str, &str)]) -> ModelProject {
    let (project, found) = read(entries, None);
    assert_eq!(found, Vec::<String>::new());
    project.unwrap()
}

fn schema(project: &ModelProject) -> String {
    let mut text = String::new();
    for table in project.catalog.tables() {
        write!(text, "{} {:?}:", table.key, table.n_rows).unwrap();
        for column in &table.columns {
            let null = if column.is_nullable { "?" } else { "" };
            write!(text, " {} {}{null}", column.name, column.data_type).unwrap();
        }
        for key in &table.keys {
            write!(text, "; key {:?} by {}", key.columns, key.declared_by).unwrap();
        }
        for key in &table.foreign_keys {
            write!(text, "; {:?} -> {} {:?} by {}", key.columns, key.table, key.referred, key.declared_by).unwrap();
        }
        text.push('\n');
    }
    text
}

const MODEL: (&str, &str) = ("models/a.sql", "SELECT 1 AS x");

#[test]
fn everything_an_isomer_yml_can_say() {
    let yml = r#"
name: sessions
version: 1
description: how everything is written
dialect: postgres
target: prod
targets:
  dev: {dialect: duckdb, database: dev.duckdb}
  prod: {dialect: spark}
database: data/main.duckdb
model_paths: [models, more]
rules: team_rules
thresholds: {min_saving: 0.1, min_shared_rows: 5_000}
disable: [merge-filter]
allow: [approximate]
models:
  staging: {materialise: view, tags: core}
  models/staging/deep/: {tags: [deep]}
  a: {materialized: temp, dialect: duckdb}
  b: {rewrite: false}
sources:
  raw.events:
    rows: 1000
    columns:
      - {name: id, type: bigint, nullable: false, unique: true}
      - name: kind
        type: varchar(10)
        distinct: 12
      - {name: user_id, references: users.id}
      - payload
    data: {generate: sessions, rows: 100000, gap: 0.5}
  users:
    columns:
      id: {type: integer, primary_key: true}
      born: date
      city: {type: text, not_null: true}
    keys: [[born, city]]
    foreign_keys: {columns: [id, born], references: raw.events, referred: [id, kind]}
    data: data/users.csv
"#;
    let project = sound(&[
        ("isomer.yml", yml),
        ("models/staging/deep/a.sql", "SELECT 1"),
        ("models/staging/b.sql", "SELECT 2"),
        ("more/c.sql", "SELECT 3"),
        ("scratch/d.sql", "SELECT 4"),
        ("team_rules/x.rules", "rule"),
        ("rules/unused.rules", "rule"),
    ]);
    assert_eq!((&*project.name, project.format, project.target), ("sessions", "folder", Dialect::Spark));
    assert_eq!(project.database.as_deref(), Some("data/main.duckdb"));
    let models: Vec<String> = project
        .models
        .iter()
        .map(|m| format!("{} {} {} {:?} {}", m.name, m.dialect, m.materialise.word(), m.tags, m.is_rewritable))
        .collect();
    let expect =
        [r#"b postgres view ["core"] false"#, r#"a duckdb temp ["core", "deep"] true"#, r#"c postgres table [] true"#];
    assert_eq!(models, expect);
    assert_eq!(project.rule_files.len(), 1);
    assert_eq!((project.settings.min_saving, project.settings.min_shared_rows), (0.1, 5000.0));
    assert_eq!((&*project.settings.disabled_rules[0], &*project.settings.allowed[0]), ("merge-filter", "approximate"));
    let expect = "raw.events Some(1000.0): id int64 kind text? user_id unknown? payload unknown?; key [0] by \
                  isomer.yml; [2] -> users [\"id\"] by isomer.yml\n\
                  users None: id int32 born date? city text; key [0] by isomer.yml; key [1, 2] by isomer.yml; \
                  [0, 1] -> raw.events [\"id\", \"kind\"] by isomer.yml\n";
    assert_eq!(schema(&project), expect);
    assert_eq!(project.catalog.get("raw.events").unwrap().columns[1].n_distinct, Some(12.0));
    let generated =
        SourceData::Generated("sessions".into(), vec![("rows".into(), "100000".into()), ("gap".into(), "0.5".into())]);
    assert_eq!(project.sources[0].data, generated);
    assert_eq!(project.sources[1].data, SourceData::File("data/users.csv".into()));
}

#[test]
fn folders_without_settings() {
    let project = sound(&[("models/a.sql", "SELECT 1"), ("scratch/b.sql", "SELECT 2")]);
    assert_eq!(project.models.len(), 1);
    let project = sound(&[("x/order.sql", "SELECT 1"), ("b.sql", "SELECT 2"), ("rules/r.rules", "rule")]);
    let names: Vec<&str> = project.models.iter().map(|model| &*model.sql_name).collect();
    assert_eq!((names, project.rule_files.len()), (vec!["b", "\"order\""], 1));
    assert_eq!((project.target, project.models[0].materialise), (Dialect::DuckDb, Materialise::Table));
}

#[test]
fn things_by_name_may_be_lists() {
    let yml = "models: [{name: a, tags: x}]\nsources:\n  - name: t\n    columns: [{name: id, type: int}]\n  - u";
    let project = sound(&[MODEL, ("isomer.yml", yml)]);
    assert_eq!((&*project.models[0].tags[0], &*schema(&project)), ("x", "t None: id int32?\nu None:\n"));
    check("sources: [{rows: 1}]", &["error[PRJ-0005] isomer.yml: found an item of `sources` without `name`"]);
}

#[test]
fn words_that_are_truth_values_elsewhere_are_names() {
    let yml = "models: {a: {rewrite: no}}\nsources:\n  n:\n    columns:\n      - {name: y, type: int, not_null: yes}\n      \
               - {name: On, type: int, not_null: False}\n";
    let project = sound(&[MODEL, ("isomer.yml", yml)]);
    assert!(!project.models[0].is_rewritable);
    assert_eq!(schema(&project), "n None: y int32 On int32?\n");
}

#[test]
fn json_is_yaml() {
    let json = r#"{"name":"request","dialect":"duckdb","models":{"a":{"materialise":"view","tags":["x"]}},"sources":{"t":{"columns":[{"name":"id","type":"bigint","nullable":false,"distinct":5}],"keys":[["id"]],"rows":7}}}"#;
    let project = sound(&[MODEL, ("isomer.yml", json)]);
    assert_eq!(schema(&project), "t Some(7.0): id int64; key [0] by isomer.yml\n");
}

/// `isomer.yml` beside one model `a`, and what is found.
fn check(yml: &str, expect: &[&str]) {
    let (_, found) = read(&[MODEL, ("isomer.yml", yml)], None);
    assert_eq!(found, expect, "{yml}");
}

#[test]
fn faults_of_isomer_yml_and_their_near_misses() {
    check(
        "nam: x",
        &["error[PRJ-0004] isomer.yml: found `nam` in `isomer.yml`, expected a known setting; did you mean `name`?"],
    );
    check("name: x", &[]);
    check("name: [x]", &["error[PRJ-0005] isomer.yml: found a list as `name`, expected a text"]);
    check("name: 12", &[]);
    check("a: [1\n", &["error[PRJ-0003] isomer.yml: found broken YAML at line 1, column 4: unclosed bracket '['"]);
    check(
        "dialect: duckbd",
        &["error[PRJ-0006] isomer.yml: found `duckbd` as `dialect`, expected a dialect; did you mean `duckdb`?"],
    );
    check(
        "dialect: oracle",
        &[
            "error[PRJ-0006] isomer.yml: found `oracle` as `dialect`, expected a dialect; known are `duckdb`, `datafusion`, `postgres`, `spark`, `snowflake`, `bigquery`",
        ],
    );
    check("dialect: DuckDB", &[]);
    check(
        "target: prod",
        &[
            "error[PRJ-0006] isomer.yml: found `prod` as target, expected a target of the project or a dialect; known are `duckdb`, `datafusion`, `postgres`, `spark`, `snowflake`, `bigquery`",
        ],
    );
    check("target: prod\ntargets: {prod: {dialect: postgres}}", &[]);
    check(
        "models: {b: {tags: x}}",
        &[
            "error[PRJ-0010] isomer.yml: found settings of `b`, expected a model or a folder of models; did you mean `a`?",
        ],
    );
    check("models: {A: {tags: x}}", &[]);
    check("models: {models: {tags: x}}", &[]);
    check(
        "models: {a: {materialise: tablee}}",
        &["error[PRJ-0022] isomer.yml: found `tablee` as `materialise`; did you mean `table`?"],
    );
    check(
        "models: {a: {enabled: perhaps}}",
        &["error[PRJ-0005] isomer.yml: found `perhaps` as `enabled`, expected `true` or `false`"],
    );
    check(
        "thresholds: {min_saving: 5}",
        &["error[PRJ-0005] isomer.yml: found 5 as `min_saving`, expected a number from 0 to 1"],
    );
    check("thresholds: {min_saving: 0.5}", &[]);
    check("rules: teamrules", &["error[PRJ-0002] isomer.yml: found no `.rules` file in `teamrules`, expected rules"]);
    check("model_paths: [models]", &[]);
    let (project, found) = read(&[MODEL, ("isomer.yml", "model_paths: [modles]")], None);
    assert_eq!(found, ["error[PRJ-0002] isomer.yml: found no `.sql` file in `modles`, expected models"]);
    assert!(project.is_none());
}

#[test]
fn faults_of_sources_and_their_near_misses() {
    check("sources: {t: {columns: {id: bigint}, keys: [id]}}", &[]);
    check(
        "sources: {t: {columns: {id: bigint}, keys: [idd]}}",
        &["error[PRJ-0009] isomer.yml: found `idd`, expected a column of `t`; did you mean `id`?"],
    );
    check("sources: {t: {columns: {id: bigint}, keys: [[ID]]}}", &[]);
    check(
        "sources: {t: {columns: {id: bigitn}}}",
        &["error[PRJ-0008] isomer.yml: found `bigitn` as a type, expected one of duckdb; did you mean `bigint`?"],
    );
    check(
        "sources: {t: {columns: {id: 'hstore'}}}",
        &["note[PRJ-0024] isomer.yml: type `hstore` is not modelled; rules that need the column's type do not apply"],
    );
    check(
        "sources: {t: {columns: [{name: a}, {name: A}]}}",
        &["error[PRJ-0021] isomer.yml: found column `A` twice in `t`, expected it once"],
    );
    check(
        "sources: {t: {}, T: {}}",
        &["error[PRJ-0021] isomer.yml: found source `T` twice; names do not differ by case alone"],
    );
    check(
        "sources: {A: {}}",
        &["error[PRJ-0021] isomer.yml: found source `A`, which is also a model's name; rename one of them"],
    );
    let to = |table: &str, referred: &str| {
        format!(
            "sources: {{t: {{columns: {{id: int}}, foreign_keys: [{{columns: id, table: {table}, referred: {referred}}}]}}, \
             u: {{columns: {{key: int}}}}}}"
        )
    };
    check(&to("u", "key"), &[]);
    check(&to("a", "x"), &[]);
    check(
        &to("uu", "key"),
        &["error[PRJ-0011] isomer.yml: found a foreign key to `uu`, expected a table or model; did you mean `u`?"],
    );
    check(
        &to("u", "keyy"),
        &["error[PRJ-0009] isomer.yml: found `keyy`, expected a column of `u`; did you mean `key`?"],
    );
    check(
        &to("u", "[key, key]"),
        &[
            "error[PRJ-0005] isomer.yml: found an incomplete foreign key, expected `columns`, `table` and as many `referred` columns",
        ],
    );
    check(
        "sources: {t: {data: {fiel: x.csv}}}",
        &["error[PRJ-0005] isomer.yml: found `data` with neither `file` nor `generate`"],
    );
    check(
        "sources: {t: {rows: many}}",
        &["error[PRJ-0005] isomer.yml: found `many` as `rows`, expected a number from 0 to 1e15"],
    );
    check(
        "sources: {t: {rows: -1}}",
        &["error[PRJ-0005] isomer.yml: found -1 as `rows`, expected a number from 0 to 1e15"],
    );
    check("sources: {t: {rows: 1e6}}", &[]);
    check("sources: {t: {}}", &[]);
}

#[test]
fn spans_point_into_the_file() {
    let yml = "name: x\nmodels:\n  b: {tags: y}\n";
    let (_, found) = read_project(&files(&[MODEL, ("isomer.yml", yml)]), &ReadOptions::default());
    assert_eq!(found[0].span.line_column(yml), (3, 3));
    assert_eq!(&yml[found[0].span.start as usize..found[0].span.end as usize], "b");
}

#[test]
fn faults_of_models() {
    let mut files = files(&[("models/empty.sql", " \n"), ("models/good.sql", "SELECT 1")]);
    files.insert("models/latin.sql".to_owned(), b"SELECT 'caf\xe9'".to_vec());
    let (project, found) = read_project(&files, &ReadOptions::default());
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "warning[PRJ-0017] models/empty.sql: found an empty file, expected one query",
            "warning[PRJ-0016] models/latin.sql: found byte 0xe9 at offset 11, expected UTF-8; save the file as UTF-8; it is left as it is",
        ]
    );
    assert!(found.iter().all(|diagnostic| diagnostic.severity == Severity::Model));
    let models = project.unwrap().models;
    let opaque: Vec<bool> = models.iter().map(|model| model.is_opaque).collect();
    assert_eq!(opaque, [true, false, true]);
    assert_eq!((&*models[2].sql, &*models[2].original), ("", "SELECT 'caf\u{fffd}'"));
}

#[test]
fn duplicate_names() {
    let (_, found) = read(&[("models/a.sql", "SELECT 1"), ("models/x/A.sql", "SELECT 2")], None);
    assert_eq!(
        found,
        [
            "error[PRJ-0007] models/x/A.sql: found 2 models named `a`: `models/a.sql`, `models/x/A.sql`; rename one of them; names do not differ by case alone"
        ]
    );
    assert_eq!(sound(&[("models/a.sql", "SELECT 1"), ("models/x/b.sql", "SELECT 2")]).models.len(), 2);
}

#[test]
fn no_project_at_all() {
    let (project, found) = read(&[], None);
    assert_eq!(found, ["error[PRJ-0001] isomer.yml: found no models; add `.sql` files below `models/`"]);
    assert!(project.is_none());
    let (_, found) = read(&[("dbt_project.yml", "name: shop"), ("models/a.sql", "SELECT {{ x }}")], None);
    assert_eq!(
        found,
        [
            "error[PRJ-0015] dbt_project.yml: found a dbt project without `target/manifest.json`; run `dbt compile`, then try again"
        ]
    );
    let (_, found) = read(&[MODEL, ("isomer.yml", "format: dbt")], None);
    assert_eq!(
        found,
        ["error[PRJ-0015] isomer.yml: found no `target/manifest.json`; run `dbt compile`, then try again"]
    );
}

#[test]
fn all_faults_are_told_at_once() {
    let yml = "dialect: oracle\nthresholds: {min_savings: 1}\ntarget: x\nrules: nowhere\n\
               models: {c: {}}\nsources: {t: {columns: {id: bigitn}, keys: [ID, no]}}";
    let entries =
        [("isomer.yml", yml), ("models/b.sql", "SELECT 1"), ("models/B.sql", "SELECT 1"), ("models/e.sql", "")];
    let (project, found) = read(&entries, Some("mysql"));
    let codes: Vec<&str> =
        found.iter().map(|text| &text[text.find('[').unwrap() + 1..text.find(']').unwrap()]).collect();
    assert_eq!(
        codes,
        ["PRJ-0006", "PRJ-0006", "PRJ-0004", "PRJ-0002", "PRJ-0010", "PRJ-0008", "PRJ-0009", "PRJ-0007", "PRJ-0017"]
    );
    // What could be read is there for the binder to look for more.
    assert_eq!(project.unwrap().models.len(), 3);
}

#[test]
fn targets_of_options() {
    let read_for = |target| read(&[MODEL], Some(target));
    assert_eq!(read_for("spark").0.unwrap().target, Dialect::Spark);
    assert_eq!(
        read_for("sparkk").1,
        [
            "error[PRJ-0006] isomer.yml: found `sparkk` as target, expected a target of the project or a dialect; did you mean `spark`? known are `duckdb`, `datafusion`, `postgres`, `spark`, `snowflake`, `bigquery`"
        ]
    );
}

const SMELT: &str = "name: web\nversion: 1\nmodel_paths: [models]\ntargets:\n  prod: {type: oracle}\n  dev:\n    \
                     type: duckdb\n    database: target/dev.duckdb\n    schema: main\ndefault_materialization: view\n\
                     models:\n  b:\n    materialization: table\n    tags: [listed]\n";
const SMELT_SOURCES: &str = "version: 1\nsources:\n  raw:\n    tables:\n      events:\n        description: rows\n        \
                             columns:\n          - name: id\n            type: INTEGER\n            description: key\n";

#[test]
fn a_smelt_project() {
    let a = "SELECT id FROM smelt.source('raw.events')\n";
    let b = "---\nmaterialization: ephemeral\ntags: [daily]\nowner: me\n---\n-- ä\nSELECT *\nFROM smelt.ref('a', filter => id > 1, limit => 9)\n";
    let c = "---\nname: renamed\nincremental:\n  enabled: true\n---\nSELECT 1";
    let d = "SELECT smelt.metric('x') FROM smelt.ref('a')";
    let entries = [
        ("smelt.yml", SMELT),
        ("sources.yml", SMELT_SOURCES),
        ("models/a.sql", a),
        ("models/b.sql", b),
        ("models/c.sql", c),
        ("models/d.sql", d),
    ];
    let (project, found) = read(&entries, None);
    assert_eq!(
        found,
        [
            "note[PRJ-0020] models/c.sql: model `renamed` is incremental and kept as written: its result is more than its query",
            "warning[PRJ-0018] models/d.sql: found `smelt.metric`, which is not understood; known are `smelt.ref('model', filter => …, limit => …)` and `smelt.source('s.t')`",
        ]
    );
    let project = project.unwrap();
    assert_eq!((&*project.name, project.format, project.target), ("web", "smelt", Dialect::DuckDb));
    assert_eq!(project.database.as_deref(), Some("target/dev.duckdb"));
    assert_eq!(schema(&project), "raw.events None: id int32?\n");
    let models: Vec<String> = project
        .models
        .iter()
        .map(|m| format!("{} {} {:?} {}", m.key, m.materialise.word(), m.tags, m.is_opaque))
        .collect();
    let expect = [
        r#"a view [] false"#,
        r#"b ephemeral ["daily", "listed"] false"#,
        r#"renamed view [] true"#,
        r#"d view [] true"#,
    ];
    assert_eq!(models, expect);
    assert_eq!(project.models[0].sql.trim_end(), "SELECT id FROM raw.events");
    assert_eq!((project.models[0].sql.len(), &*project.models[0].original), (a.len(), a));
    let compiled = &project.models[1].sql;
    assert_eq!(compiled.trim(), "-- ä\nSELECT *\nFROM (SELECT * FROM a WHERE id > 1 LIMIT 9) AS a");
    assert_eq!(compiled.find("SELECT"), b.find("SELECT"), "places before a call stay what they are");
    let (_, found) = read(&entries, Some("prod"));
    assert!(
        found[0].contains("found target `prod`, whose dialect is not known; known are `dev`, `duckdb`"),
        "{found:?}"
    );
}

#[test]
fn isomer_yml_beside_smelt() {
    let yml = "sources: {events: {rows: 500, columns: {id: {type: bigint, unique: true, not_null: true}}, data: {generate: sessions}}}";
    let entries = [
        ("smelt.yml", SMELT),
        ("sources.yml", SMELT_SOURCES),
        ("isomer.yml", yml),
        ("models/b.sql", "SELECT * FROM smelt.source('raw.events')"),
    ];
    let project = sound(&entries);
    assert_eq!(schema(&project), "raw.events Some(500.0): id int64; key [0] by isomer.yml\n");
    // Rows that are generated are not looked for in smelt's database.
    assert_eq!((project.sources.len(), project.database), (1, None));
}

/// A manifest with the nodes and sources given as JSON objects' insides.
fn manifest(nodes: &str, sources: &str) -> String {
    format!(
        r#"{{"metadata": {{"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
            "dbt_version": "1.9.1", "adapter_type": "duckdb", "project_name": "shop"}},
            "nodes": {{{nodes}}}, "sources": {{{sources}}}, "macros": {{}}}}"#
    )
}

fn model_node(name: &str, materialized: &str, code: &str, depends_on: &str) -> String {
    format!(
        r#""model.shop.{name}": {{"resource_type": "model", "name": "{name}", "database": "dev", "schema": "main",
            "alias": "{name}", "relation_name": "\"dev\".\"main\".\"{name}\"", "language": "sql", "version": null,
            "original_file_path": "models/{name}.sql", "tags": ["nightly"], "columns": {{}},
            "config": {{"enabled": true, "materialized": "{materialized}", "tags": ["nightly"]}},
            "depends_on": {{"macros": [], "nodes": [{depends_on}]}}, "raw_code": "raw", {code}}}"#
    )
}

fn test_node(name: &str, kind: &str, kwargs: &str, config: &str, depends_on: &str) -> String {
    let (namespace, kind) = kind.split_once('.').map_or(("null".to_owned(), kind), |(n, k)| (format!("\"{n}\""), k));
    format!(
        r#""test.shop.{name}": {{"resource_type": "test", "name": "{name}", "original_file_path": "models/schema.yml",
            "test_metadata": {{"name": "{kind}", "namespace": {namespace}, "kwargs": {{{kwargs}}}}},
            "attached_node": "source.shop.raw.orders", "column_name": null, "config": {{"severity": "ERROR", {config}
            "materialized": "test", "error_if": "!= 0", "fail_calc": "count(*)", "where": null, "limit": null}},
            "depends_on": {{"nodes": [{depends_on}]}}}}"#
    )
}

const SOURCES: &str = r#"
    "source.shop.raw.orders": {"resource_type": "source", "name": "orders", "identifier": "orders",
        "relation_name": "\"dev\".\"raw\".\"orders\"", "original_file_path": "models/sources.yml", "config": {"enabled": true},
        "columns": {"id": {"name": "id", "data_type": "bigint"}, "customer_id": {"name": "customer_id", "data_type": "integer"},
                    "amount": {"name": "amount", "data_type": "decimal(12,2)"}}},
    "source.shop.raw.customers": {"resource_type": "source", "name": "customers", "identifier": "customers",
        "relation_name": "\"dev\".\"raw\".\"customers\"", "original_file_path": "models/sources.yml", "config": {"enabled": true},
        "columns": {"id": {"name": "id", "data_type": "integer"}, "note": {"name": "note", "data_type": null}}}"#;

const COMPILED: &str = r#""compiled": true, "compiled_code": "select id from \"dev\".\"raw\".\"orders\"""#;

#[test]
fn a_dbt_project() {
    let orders = r#""source.shop.raw.orders""#;
    let both = r#""source.shop.raw.customers", "source.shop.raw.orders""#;
    let column = |name: &str| {
        format!(r#""column_name": "{name}", "model": "{{{{ get_where_subquery(source('raw', 'orders')) }}}}""#)
    };
    let refers = format!(r#"{}, "to": "source('raw', 'customers')", "field": "id""#, column("customer_id"));
    let nodes = [
        model_node("stg_orders", "view", COMPILED, orders),
        model_node("inlined", "ephemeral", COMPILED, orders),
        model_node("orders", "table", COMPILED, r#""model.shop.stg_orders", "model.shop.inlined""#),
        model_node("history", "incremental", COMPILED, orders),
        model_node("forecast", "table", r#""compiled_code": null"#, orders).replace(r#""language": "sql""#, r#""language": "python""#),
        model_node("off", "table", COMPILED, orders).replace(r#""enabled": true"#, r#""enabled": false"#),
        r#""seed.shop.codes": {"resource_type": "seed", "name": "codes", "relation_name": "\"dev\".\"main\".\"codes\"",
            "original_file_path": "seeds/codes.csv", "config": {}, "columns": {"code": {"name": "code", "data_type": "varchar"}}}"#
            .to_owned(),
        test_node("unique_orders_id", "unique", &column("id"), "", orders),
        test_node("not_null_orders_id", "not_null", &column("\\\"ID\\\""), "", orders),
        test_node("refers", "relationships", &refers, "", both),
        test_node("pair", "dbt_utils.unique_combination_of_columns", r#""combination_of_columns": ["customer_id", "amount"]"#, "", orders),
        test_node("an_expression", "unique", &column("id || amount"), "", orders),
        test_node("another_package", "audit.unique", &column("amount"), "", orders),
    ];
    let text = manifest(&nodes.join(","), SOURCES);
    let (project, found) = read(&[("target/manifest.json", &text), ("models/stg_orders.sql", "{{ jinja }}")], None);
    assert_eq!(
        found,
        [
            "note[PRJ-0020] models/forecast.sql: model `forecast` is Python and kept as written: its result is more than its query",
            "note[PRJ-0020] models/history.sql: model `history` is incremental and kept as written: its result is more than its query",
            "note[PRJ-0023] target/manifest.json: the columns of `orders`, `codes` are those that the manifest documents; run `dbt docs generate` for a `target/catalog.json` if there are others",
        ]
    );
    let project = project.unwrap();
    assert_eq!((&*project.name, project.format, project.target), ("shop", "dbt", Dialect::DuckDb));
    let models: Vec<String> = project
        .models
        .iter()
        .map(|m| format!("{} {} {} {} {:?}", m.key, m.sql_name, m.materialise.word(), m.is_opaque, m.declared_reads))
        .collect();
    let expect = [
        r#"dev.main.forecast "dev"."main"."forecast" table true ["dev.raw.orders"]"#,
        r#"dev.main.history "dev"."main"."history" table true ["dev.raw.orders"]"#,
        r#"__dbt__cte__inlined __dbt__cte__inlined ephemeral false ["dev.raw.orders"]"#,
        r#"dev.main.orders "dev"."main"."orders" table false ["__dbt__cte__inlined", "dev.main.stg_orders"]"#,
        r#"dev.main.stg_orders "dev"."main"."stg_orders" view false ["dev.raw.orders"]"#,
    ];
    assert_eq!(models, expect);
    // A list that leaves a type out is no schema: `customers` has columns that nobody tells.
    let expect = "dev.raw.orders None: id int64 customer_id int32? amount decimal(12, 2)?; key [0] by unique_orders_id; \
                  key [1, 2] by pair; [1] -> dev.raw.customers [\"id\"] by refers\n\
                  dev.raw.customers None:\n\
                  dev.main.codes None: code text?\n";
    assert_eq!(schema(&project), expect);
    assert_eq!(project.sources[2].data, SourceData::File("seeds/codes.csv".into()));
}

#[test]
fn tests_that_prove_nothing_of_all_rows() {
    let keys = |config: &str| {
        let test = test_node("t", "unique", r#""column_name": "id""#, "", "");
        // A later key of the same name is not read, so the default is taken out first.
        let name = config.split(':').next().unwrap_or_default();
        let test = [
            "\"where\": null",
            "\"limit\": null",
            "\"error_if\": \"!= 0\"",
            "\"fail_calc\": \"count(*)\"",
            "\"severity\": \"ERROR\"",
        ]
        .iter()
        .filter(|default| !name.is_empty() && default.starts_with(name))
        .fold(test, |test, default| test.replace(default, config));
        let text = manifest(&[test, model_node("m", "table", COMPILED, "")].join(","), SOURCES);
        let (project, _) = read(&[("manifest.json", &text)], None);
        project.unwrap().catalog.get("dev.raw.orders").unwrap().keys.len()
    };
    assert_eq!(keys(""), 1);
    for config in [
        r#""where": "id > 0""#,
        r#""limit": 5"#,
        r#""error_if": ">10""#,
        r#""fail_calc": "sum(n) - 1""#,
        r#""severity": "warn""#,
    ] {
        assert_eq!(keys(config), 0, "{config}");
    }
}

#[test]
fn a_catalog_gives_all_columns_and_rows() {
    let catalog = r#"{"nodes": {"model.shop.history": {"columns": {"N": {"name": "N", "type": "BIGINT", "index": 1}}, "stats": {}}},
        "sources": {"source.shop.raw.customers": {"metadata": {}, "stats": {"has_stats": {"value": true}, "row_count": {"value": 42.0}},
        "columns": {"NOTE": {"name": "NOTE", "type": "VARCHAR", "index": 2}, "ID": {"name": "ID", "type": "INTEGER", "index": 1}}}}}"#;
    let text = manifest(&model_node("history", "incremental", COMPILED, ""), SOURCES);
    let yml = "sources: {orders: {columns: {id: bigint, more: text}, rows: 9}}";
    let entries = [("target/manifest.json", text.as_str()), ("target/catalog.json", catalog), ("isomer.yml", yml)];
    let (project, found) = read(&entries, None);
    assert_eq!(found.len(), 1, "{found:?}");
    let expect = "dev.raw.orders Some(9.0): id int64? more text?\n\
                  dev.raw.customers Some(42.0): ID int32? NOTE text?\n\
                  dev.main.history None: N int64?\n";
    assert_eq!(schema(&project.unwrap()), expect);
}

#[test]
fn faults_of_manifests() {
    let check = |text: &str, expect: &str| {
        let (_, found) = read(&[("target/manifest.json", text)], None);
        assert!(found.len() == 1 && found[0].contains(expect), "{found:?}");
    };
    let good = manifest(&model_node("m", "table", COMPILED, ""), "");
    assert_eq!(read(&[("my.json", &good)], None).1, Vec::<String>::new());
    check(
        "{\"nodes\": {\n!",
        "error[PRJ-0012] target/manifest.json: found a broken manifest: key must be a string at line 2 column 1",
    );
    check(
        &good.replace("v12", "v7"),
        "[PRJ-0013] target/manifest.json: found a manifest of schema `v7`, expected `v9` to `v12`",
    );
    check("{}", "[PRJ-0013] target/manifest.json: found no `metadata.dbt_schema_version`, expected a dbt manifest");
    check(
        &good.replace("\"duckdb\"", "\"oracle\""),
        "[PRJ-0006] target/manifest.json: found adapter `oracle`, expected one of a known dialect; known are `duckdb`, \
         `datafusion`, `postgres`, `spark`, `snowflake`, `bigquery`; or set `dialect` in `isomer.yml`",
    );
    let uncompiled: Vec<String> =
        (0..12).map(|i| model_node(&format!("m{i:02}"), "table", r#""compiled": false"#, "")).collect();
    check(
        &manifest(&uncompiled.join(","), ""),
        "[PRJ-0014] target/manifest.json: found no `compiled_code` of `m00`, `m01`, `m02`, `m03`, `m04`, `m05`, `m06`, `m07`, \
         `m08`, `m09` and 2 more; run `dbt compile`, then try again",
    );
    check(&manifest("", ""), "[PRJ-0001]");
    let (_, found) = read(
        &[("target/manifest.json", &good.replace("\"duckdb\"", "\"oracle\"")), ("isomer.yml", "dialect: duckdb")],
        None,
    );
    assert_eq!(found, Vec::<String>::new());
}
