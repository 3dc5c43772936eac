//! Every step of every shipped project that is understood has a Substrait plan, and the pipeline of
//! plans, run on DataFusion, gives each step the rows of the pipeline of SQL.

use std::collections::BTreeMap;

use base64::Engine as _;
use isomer_engines::{Engine, EngineKind};
use isomer_ir::Materialise;
use isomer_service::execute::{self, Statement, TOLERANCE, Way};
use isomer_service::optimize::{self, Optimised, Request};
use isomer_tests::examples::{DIMENSIONS, Example, SESSIONS, SHOP, SMELT, TPCH};
use isomer_tests::{repository, with_stack};

#[test]
fn sessions() {
    hold(SESSIONS);
}

#[test]
fn dimensions() {
    hold(DIMENSIONS);
}

#[test]
fn shop() {
    hold(SHOP);
}

#[test]
fn smelt() {
    hold(SMELT);
}

#[test]
fn tpch() {
    hold(TPCH);
}

/// Runs the pipeline twice, by plans and by SQL, each over its own results.
fn hold(example: Example) {
    with_stack(move || {
        let mut optimised = example.optimised();
        let statements = execute::statements(&mut optimised, Way::Optimised, EngineKind::DataFusion);
        let (by_sql, by_plan) = (session(&mut optimised, example), session(&mut optimised, example));
        let steps: BTreeMap<&str, _> = optimised.output.steps.iter().map(|step| (step.name.as_str(), step)).collect();
        assert_eq!(statements.len(), steps.len());
        let mut opaque = Vec::new();
        for statement in &statements {
            let step = steps[&*statement.name];
            if step.kind == "opaque" {
                opaque.push(step.name.as_str());
                continue;
            }
            let notes = &optimised.output.diagnostics;
            let sql = statement.sql.as_ref().expect("every step that is understood is spelled for DataFusion");
            let Some(plan) = &step.substrait else {
                // Substrait has no recursion; what reads the step reads its rows.
                let is_told = notes.iter().any(|note| {
                    note.model.as_deref() == Some(&step.name)
                        && note.message.contains("a recursive query in a Substrait plan")
                });
                assert!(is_told, "`{}` has no plan: {notes:#?}", step.name);
                for session in [&by_sql, &by_plan] {
                    session.create(&statement.sql_name, Materialise::Table, sql).expect("the step runs as SQL");
                }
                continue;
            };
            let plan = base64::engine::general_purpose::STANDARD.decode(plan).expect("the plan is base64");
            // A plan can name tables alone, so that views are kept as tables too.
            by_sql.create(&statement.sql_name, Materialise::Table, sql).expect("the step runs as SQL");
            by_plan.create_from_substrait(&statement.sql_name, &plan).expect("the step runs as a plan");
            equal_rows(&by_sql, &by_plan, statement);
        }
        assert_eq!(opaque, example.opaque);
    });
}

fn session(optimised: &mut Optimised, example: Example) -> Engine {
    let base = repository("examples").join(example.name);
    execute::open(optimised, execute::Site::new(EngineKind::DataFusion, &base), &mut |_| {})
        .expect("the sources can be loaded")
}

fn equal_rows(by_sql: &Engine, by_plan: &Engine, statement: &Statement) {
    let query = format!("SELECT * FROM {}", statement.sql_name);
    let rows = |session: &Engine| session.query(&query).expect("the table can be read");
    let comparison = isomer_engines::compare(&rows(by_sql), &rows(by_plan), TOLERANCE);
    assert!(comparison.is_equal, "`{}`: {comparison:?}", statement.name);
}

/// Rows of which value or key is NULL do not count, and a group of only such rows has a NULL.
#[test]
fn extremes_count_no_row_with_a_null() {
    let model = "SELECT g, arg_min(v, k) AS least, arg_max(v, k) AS greatest, \
                 arg_min(v, k) FILTER (WHERE k > 1) AS second, any_value(v) IS NULL AS has_none FROM t GROUP BY g";
    let settings = "sources: {t: {columns: [{name: g, type: int}, {name: v, type: text}, {name: k, type: double}]}}";
    let rows = "(1, 'a', 3.0), (1, NULL, 1.0), (1, 'b', 2.0), (1, 'c', NULL), (2, NULL, 1.0), (2, 'd', NULL), \
                (3, 'e', 1.0), (NULL, 'f', 1.0), (NULL, NULL, NULL)";
    let files = [("isomer.yml", settings), ("models/m.sql", model)];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into_iter().collect();
    let answer = with_stack(move || optimize::run(&Request { files, ..Request::default() }));
    let output = answer.optimised.expect("the model is understood").output;
    let plan = output.steps[0].substrait.as_ref().expect("the model has a plan");
    let plan = base64::engine::general_purpose::STANDARD.decode(plan).expect("the plan is base64");
    let open = |kind| {
        let session = Engine::open(kind, None).expect("the engine opens");
        let select = format!("SELECT g, v, k FROM (VALUES {rows}) AS t(g, v, k)");
        let select = format!("SELECT CAST(g AS int) AS g, v, CAST(k AS double) AS k FROM ({select}) AS s");
        session.create("t", Materialise::Table, &select).expect("the rows are made");
        session
    };
    let by_sql = open(EngineKind::DuckDb).query(model).expect("the model runs");
    let by_plan = open(EngineKind::DataFusion).run_substrait(&plan).expect("the plan runs");
    let comparison = isomer_engines::compare(&by_sql, &by_plan, TOLERANCE);
    assert!(comparison.is_equal && comparison.n_left == 4, "{comparison:?}");
}
