//! What `functions` of `isomer.yml` says of a function is what rules do with it, and no more.

use isomer_engines::{Engine, EngineKind, values};
use isomer_frontend::ProjectFiles;
use isomer_service::optimize::{self, Answer, Request};
use isomer_tests::told;

const SOURCES: &str = "
sources:
  orders:
    rows: 1000000
    columns:
      - {name: status, type: varchar, distinct: 4}
      - {name: store_id, type: bigint, distinct: 900}
      - {name: amount, type: bigint}
functions:
  most: ";
const MODELS: [(&str, &str); 3] = [
    ("by_status", "SELECT status, most(amount) AS m, count(*) AS n FROM orders GROUP BY status"),
    ("by_store", "SELECT store_id, most(amount) AS m, count(*) AS n FROM orders GROUP BY store_id"),
    ("of_all", "SELECT most(amount) AS m FROM orders"),
];
const KNOWN: &str = "args: [int], returns: bigint, volatility: immutable, aggregate: true, order_sensitive: false, \
    skips_nulls: true, over_nothing: 'null'";

fn answer(facts: &str, models: &[(&str, &str)]) -> Answer {
    let mut files = ProjectFiles::new();
    files.insert("isomer.yml".to_owned(), format!("{SOURCES}{{{facts}}}\n").into_bytes());
    for (name, sql) in models {
        files.insert(format!("models/{name}.sql"), (*sql).to_owned().into_bytes());
    }
    optimize::run(&Request { files, ..Request::default() })
}

fn rules(answer: &Answer) -> Vec<String> {
    let optimised = answer.optimised.as_ref().unwrap_or_else(|| panic!("{}", told(answer)));
    let steps = optimised.pipeline.steps.iter();
    steps.flat_map(|step| step.rules.iter().map(|rule| rule.rule.to_string())).collect()
}

#[test]
fn an_aggregate_with_parts_is_rolled_up() {
    let found = rules(&answer(&format!("{KNOWN}, combined_by: itself"), &MODELS));
    assert!(found.iter().any(|rule| rule == "share-roll-up"), "{found:?}");
}

#[test]
fn an_aggregate_of_which_no_parts_are_known_is_not() {
    let found = rules(&answer(KNOWN, &MODELS));
    assert!(!found.iter().any(|rule| rule == "share-roll-up"), "{found:?}");
}

#[test]
fn what_contradicts_itself_is_a_fault() {
    for (facts, message) in [
        ("args: [int], returns: bigint, aggregate: true", "is not `immutable`"),
        ("args: [int], returns: bigint, strict: true, never_null: true", "never NULL and NULL"),
        ("args: [int], returns: bigint, volatility: immutable, aggregate: true, combined_by: sum", "has parts though"),
        ("args: [int, int], returns: bigint, volatility: immutable, aggregate: true, combined_by: sum", "2 arguments"),
        ("args: [int], returns: bigint, over_nothing: naught", "found `naught` as `over_nothing`"),
    ] {
        let answer = answer(facts, &MODELS);
        assert!(told(&answer).contains(message), "{facts}: {}", told(&answer));
    }
}

/// The one row of a correlated subquery over no rows is what is said of it, and nothing is guessed.
#[test]
fn a_correlated_subquery_over_no_rows_gives_what_is_said() {
    const MODEL: &str =
        "SELECT o.status, (SELECT most(i.amount) FROM orders AS i WHERE i.store_id = o.amount) AS m FROM orders AS o";
    let written = |over_nothing: &str| {
        let facts = KNOWN.replace("over_nothing: 'null'", over_nothing);
        let mut answer = answer(&facts, &[("looked_up", MODEL)]);
        let optimised = answer.optimised.as_mut()?;
        let output = optimised.pipeline.steps.iter().find_map(|step| step.output.clone())?;
        let catalog = optimised.project.project.catalog.clone();
        isomer_codegen::to_sql(&output, &mut optimised.project.arena, &catalog, isomer_ir::Dialect::DuckDb).ok()
    };
    assert_eq!(written("description: nothing said"), None);
    let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB opens");
    engine
        .execute("CREATE TABLE orders AS SELECT 'a' AS status, 1::bigint AS store_id, 2::bigint AS amount")
        .expect("a table is made");
    engine.execute("CREATE MACRO most(x) AS coalesce(max(x), 0)").expect("a macro is made");
    let sql = written("over_nothing: zero").expect("it is understood");
    let written_rows = values(&engine.query(MODEL).expect("the text runs")).expect("rows");
    let rows = values(&engine.query(&sql).expect("what is written runs")).expect("rows");
    assert_eq!(format!("{rows:?}"), format!("{written_rows:?}"));
    assert!(format!("{rows:?}").contains("Int(0)"), "{rows:?}");
}
