//! Interlace and SQLMesh projects, and smelt's annotations: what is read, and what is refused.

use std::fmt::Write;

use isomer_ir::{ModelProject, TestedClaim};

use super::{ProjectFiles, ReadOptions, read_project};

fn read(entries: &[(&str, &str)]) -> (ModelProject, Vec<String>) {
    let files: ProjectFiles =
        entries.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let (project, found) = read_project(&files, &ReadOptions::default());
    (project.expect("there are models"), found.iter().map(ToString::to_string).collect())
}

/// Models as `name kind dialect [opaque] [tags] reads; text`, then tested facts.
fn told(project: &ModelProject) -> String {
    let mut told = String::new();
    for model in &project.models {
        let opaque = if model.is_opaque { " opaque" } else { "" };
        let (kind, dialect) = (model.materialise.word(), model.dialect);
        let tags: Vec<String> = model.tags.iter().map(|tag| format!(" #{tag}")).collect();
        let reads: Vec<String> = model.declared_reads.iter().map(|read| format!(" <{read}")).collect();
        writeln!(told, "{} {kind} {dialect}{opaque}{}{}", model.name, tags.concat(), reads.concat()).unwrap();
    }
    for fact in &project.tested {
        let claim = match &fact.claim {
            TestedClaim::Unique => "unique".to_owned(),
            TestedClaim::NotNull => "not null".to_owned(),
            TestedClaim::References(table, columns) => format!("in {table} {columns:?}"),
            TestedClaim::OneOf(values) => format!("one of {values:?}"),
        };
        writeln!(told, "{} {:?} {claim} by {}", fact.model, fact.columns, fact.test).unwrap();
    }
    for table in project.catalog.tables() {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!(" {} {}{}", column.name, column.data_type, if column.is_nullable { "?" } else { "" }))
            .collect();
        let keys: Vec<String> =
            table.keys.iter().map(|key| format!(" {:?} by {}", key.columns, key.declared_by)).collect();
        writeln!(told, "table {}:{}{}", table.key, columns.concat(), keys.concat()).unwrap();
    }
    told
}

#[test]
fn an_interlace_project() {
    let yaml = "name: shop\ndefault_dialect: postgres\ndatabase: '${HOME}/x.duckdb'\nvars:\n  \
                least: {type: int, value: 3}\n  city: {type: string, value: \"o'hare\"}\n";
    let python = "import x\n\n# @model\n@model(\n    depends_on=('raw.orders',),  # the (loaded) ones\n    \
                  columns={'id': 'BIGINT', 'note': None},\n)\nasync def scores(raw_orders, cursor=None):\n    pass\n\n\
                  @model(name=\"other\")\ndef anything(scores: Handle): ...\n\n@stream\ndef events(): ...\n";
    let (project, found) = read(&[
        ("interlace.yaml", yaml),
        ("models/raw/orders.sql", "-- first\n/* interlace: {materialise: view, tags: [raw]} */\nSELECT 1 AS id"),
        (
            "models/paid.sql",
            "/* interlace:\n  name: marts.paid\n  dialect: duckdb\n  checks:\n    - unique: [a, B]\n    - not_null: a\n    \
             - {type: not_null, column: b, severity: warn}\n    \
             - accepted_values: {column: a, values: [x, 1]}\n    - relationships: {column: a, to: raw.orders, field: id}\n*/\n\
             SELECT a, b FROM raw.orders WHERE n > var('least') AND city = VAR( 'city' ) AND my_var('x') AND 'var(''y'')'",
        ),
        (
            "models/log.sql",
            "/* interlace: {strategy: merge, columns: {id: int8}, checks: [{unique: id}, {not_null: id}]} */ SELECT 1",
        ),
        ("models/far.sql", "/* interlace: {engine: lake} */ SELECT 1"),
        ("models/missing.sql", "SELECT var('leest')"),
        ("models/wrong.sql", "/* interlace:\n  materialise: tabel\n*/ SELECT 1"),
        ("models/py.py", python),
        ("tools/other.py", "@model\ndef not_a_model(): ..."),
    ]);
    assert_eq!((&*project.name, project.format, &project.database), ("shop", "interlace", &None));
    let expect = "far table postgres opaque\nlog table postgres opaque\nmissing table postgres opaque\nmarts.paid table duckdb\n\
                  events table postgres opaque\nother table postgres opaque <scores\n\
                  scores table postgres opaque <raw.orders\nraw.orders view postgres #raw\nwrong table postgres\n\
                  log [\"id\"] not null by check not_null of id\nlog [\"id\"] unique by check unique of id\n\
                  marts.paid [\"a\"] one of [\"x\", \"1\"] by check accepted_values of a\n\
                  marts.paid [\"a\"] not null by check not_null of a\n\
                  marts.paid [\"a\"] in raw.orders [\"id\"] by check relationships of a\n\
                  marts.paid [\"a\", \"b\"] unique by check unique of a, b\n\
                  table log: id int64 [0] by check unique of id\ntable scores: id int64? note unknown?\n";
    assert_eq!(told(&project), expect);
    let paid = project.models.iter().find(|model| &*model.name == "marts.paid").unwrap();
    assert!(paid.sql.ends_with("WHERE n > 3 AND city = 'o''hare' AND my_var('x') AND 'var(''y'')'"), "{}", paid.sql);
    let expect = [
        "note[PRJ-0020] models/far.sql: model `far` is built on engine `lake` and kept as written: nothing is moved between engines",
        "note[PRJ-0020] models/log.sql: model `log` is merge and kept as written: its result is more than its query",
        "warning[PRJ-0018] models/missing.sql: found `var('leest')`, which `interlace.yaml` does not declare; did you mean `least`?",
        "note[PRJ-0020] models/py.py: model `events` is Python and kept as written: its result is more than its query",
        "note[PRJ-0020] models/py.py: model `other` is Python and kept as written: its result is more than its query",
        "note[PRJ-0020] models/py.py: model `scores` is Python and kept as written: its result is more than its query",
        "error[PRJ-0022] models/wrong.sql: found `tabel` as `materialise`; known are `virtual`, `view`, `ephemeral`, `table`, `file`",
    ];
    assert_eq!(found, expect);
}

#[test]
fn a_sqlmesh_project() {
    let config = "project: rides\ndefault_gateway: prod\ngateways:\n  dev: {connection: {type: duckdb, database: dev.duckdb}}\n  \
                  prod: {connection: {type: postgres}}\nmodel_defaults: {dialect: duckdb, start: 2020-01-01}\n";
    let (project, found) = read(&[
        ("config.yaml", config),
        ("external_models.yaml", "- name: '\"raw\".\"rides\"'\n  columns: {id: BIGINT}\n"),
        (
            "models/a.sql",
            "-- comment\nMODEL (\n  name marts.a, -- where; it goes\n  kind FULL,\n  tags [x, 'y'],\n  grain (id, \"Day\"),\n  \
             audits (not_null(columns := (id)), unique_values(columns := (day)), not_null(columns := (day), condition := id > 1),\n    \
             accepted_values(column := id, is_in := (1, 2)), forall(criteria := (id > 0)))\n);\n\nSELECT 1 AS id;\n",
        ),
        ("models/b.sql", "MODEL (name b, dialect spark);\nSELECT 1"),
        ("models/c.sql", "model (name c, kind EMBEDDED, enabled false);\nSELECT 1"),
        (
            "models/d.sql",
            "MODEL (name d, kind INCREMENTAL_BY_UNIQUE_KEY (unique_key id), columns (id INT, v DECIMAL(9, 2)), grain id,\n\
             audits [not_null(columns := (id))]);\nSELECT 1",
        ),
        ("models/e.sql", "MODEL (name e);\nSELECT '@no', @start_ds FROM @{x}"),
        ("models/f.sql", "MODEL (name f, dialect tsql);\nSELECT 1"),
        ("models/s/seed.sql", "MODEL (name seeds.s, kind SEED (path '../../seeds/s.csv'), columns (k VARCHAR));"),
        ("models/plain.sql", "SELECT 2"),
    ]);
    assert_eq!((&*project.name, project.format, project.target.name()), ("rides", "sqlmesh", "postgres"));
    let expect = "marts.a table duckdb #x #y\nb view spark\nc ephemeral duckdb\nd table duckdb opaque\ne view duckdb opaque\n\
                  f table duckdb opaque\nplain view duckdb\n\
                  d [\"id\"] unique by grain\nd [\"id\"] not null by audit not_null\n\
                  marts.a [\"day\"] unique by audit unique_values\n\
                  marts.a [\"id\"] one of [\"1\", \"2\"] by audit accepted_values\nmarts.a [\"id\"] not null by audit not_null\n\
                  marts.a [\"id\", \"day\"] unique by grain\n\
                  table raw.rides: id int64?\ntable seeds.s: k text?\ntable d: id int32 v decimal(9, 2)? [0] by grain\n";
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&told(&project)), sorted(expect));
    assert!(!project.models.iter().any(|model| &*model.name == "c" && model.is_rewritable), "a disabled model stays");
    let a = &project.models[0];
    assert_eq!((a.sql.trim(), a.sql.len()), ("SELECT 1 AS id;", a.original.len()), "places stay what they are");
    let file = project.sources.iter().find(|source| &*source.key == "seeds.s").map(|source| source.data.clone());
    assert_eq!(file, Some(isomer_ir::SourceData::File("seeds/s.csv".into())));
    let expect = [
        "note[PRJ-0020] models/d.sql: model `d` is INCREMENTAL_BY_UNIQUE_KEY and kept as written: its result is more than its query",
        "warning[PRJ-0019] models/e.sql: found macro `@start_ds`, expected a query without macros; \
         write the query with `sqlmesh render`; the model stays as it is",
        "note[PRJ-0020] models/f.sql: model `f` is written in `tsql` and kept as written: its result is more than its query",
    ];
    assert_eq!(found, expect);
}

#[test]
fn annotations_of_smelt() {
    let (project, found) = read(&[
        ("smelt.yml", "default_materialization: table\n"),
        (
            "models/a.sql",
            "-- What it is: a view.\n-- @name: b\n-- @materialize: view\n-- @tags: [x, y]\n-- @allow_rewrite: split, merge\n\
             -- @owner: me\nSELECT 1 AS x\n-- @materialize: tabel",
        ),
        ("models/c.sql", "SELECT 1 AS x"),
        ("models/d.sql", "-- @incremental: true\n---\ntags: [z]\n---\nSELECT 1 AS x"),
        ("models/e.sql", "-- @materialize: tabel\nSELECT 1 AS x"),
    ]);
    assert_eq!(told(&project), "b view duckdb #x #y\nc table duckdb\nd table duckdb opaque #z\ne table duckdb\n");
    assert_eq!(project.settings.allowed, ["merge".into(), "split".into()]);
    let off: Vec<String> =
        project.settings.models.iter().map(|(model, rules)| format!("{model} {:?}", rules.disabled)).collect();
    assert_eq!(off, [r#"c ["merge", "split"]"#, r#"d ["merge", "split"]"#, r#"e ["merge", "split"]"#]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(
        found[1],
        "error[PRJ-0022] models/e.sql: found `tabel` as `materialize`; known are `table`, `view`, `ephemeral`, `incremental`"
    );
}

#[test]
fn columns_of_a_model_that_is_not_understood() {
    let yml = "models: {a: {columns: {id: {type: bigint, primary_key: true}, note: text}}}\n";
    let (project, found) =
        read(&[("isomer.yml", yml), ("models/a.sql", "SELECT nonsense"), ("models/b.sql", "SELECT id FROM a")]);
    assert_eq!(
        (found.len(), told(&project).lines().last()),
        (0, Some("table a: id int64 note text? [0] by isomer.yml"))
    );
    let bound = crate::bind_project(project);
    let states: Vec<bool> = bound.models.iter().map(|model| matches!(model.bound, isomer_ir::Bound::Plan(_))).collect();
    assert_eq!(states, [false, true], "a reader has the declared columns");
}

#[test]
fn a_schema_of_create_table_statements() {
    let dump = "SET client_encoding = 'UTF8';\nSELECT pg_catalog.set_config('search_path', '', false);\n\
                CREATE SCHEMA raw;\nCREATE TABLE raw.orders (id integer NOT NULL, buyer bigint, amount numeric(12,2));\n\
                ALTER TABLE raw.orders OWNER TO postgres;\nCREATE TABLE buyers (id bigint NOT NULL);\n\
                CREATE TABLE a (x integer);\n\
                ALTER TABLE ONLY raw.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);\n\
                ALTER TABLE ONLY buyers ADD CONSTRAINT buyers_pkey PRIMARY KEY (id);\n\
                ALTER TABLE ONLY raw.orders ADD CONSTRAINT later FOREIGN KEY (buyer) REFERENCES buyers(id);\n\
                CREATE INDEX by_buyer ON raw.orders USING btree (buyer);\nCOMMENT ON TABLE buyers IS 'who';\n";
    let yml = "dialect: postgres\nschema: [db/schema.sql, db/none.sql]\nsources: {buyers: {rows: 10}}\n";
    let (project, found) =
        read(&[("isomer.yml", yml), ("db/schema.sql", dump), ("a.sql", "SELECT id FROM raw.orders")]);
    assert_eq!(
        found,
        ["error[PRJ-0002] isomer.yml: found no `db/none.sql`, expected a file of `CREATE TABLE` statements"]
    );
    // A table that is a model's is made by the model.
    let expect = "a table postgres\ntable raw.orders: id int32 buyer int64? amount decimal(12, 2)? [0] by db/schema.sql\n\
                  table buyers: id int64 [0] by db/schema.sql\n";
    assert_eq!(told(&project), expect);
    let orders = project.catalog.get("raw.orders").unwrap();
    assert_eq!((&*orders.foreign_keys[0].table, project.sources.len()), ("buyers", 2));
}
