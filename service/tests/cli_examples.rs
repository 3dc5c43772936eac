//! The command line on the projects that ship: explanations, pipelines, runs and comparisons, and
//! that stdout holds results alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// What a command told, and how it ended.
#[derive(Debug, PartialEq)]
struct Told {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

fn isomer(args: &[&str]) -> Told {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isomer"));
    for variable in ["ISOMER_PROJECT_DIR", "ISOMER_TARGET", "ISOMER_LISTEN"] {
        command.env_remove(variable);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let Output { status, stdout, stderr } =
        command.args(args).current_dir(folder).output().expect("the command can be run");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Told { exit: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn explain_a_dbt_project_by_its_manifest() {
    let told = isomer(&["explain", "examples/shop/target/manifest.json"]);
    assert_eq!(told.exit, Some(0), "{told:?}");
    has(
        &told.stdout,
        &[
            "13 models (dbt), 2 changed, 1 shared step, written for duckdb\n",
            "  made by  share-roll-up (revenue_by_category, revenue_by_day)\n",
            "\n\nUnchanged, byte for byte: stg_customers, ",
        ],
    );
    has(&told.stderr, &["`revenue_calendar` has no Substrait plan"]);
    assert_eq!(isomer(&["explain", "examples/shop/target/manifest.json"]), told, "two runs give the same bytes");
    let quiet = isomer(&["explain", "--quiet", "examples/shop/target/manifest.json"]);
    assert_eq!((quiet.stdout, quiet.stderr), (told.stdout, String::new()));
}

#[test]
fn explain_shows_a_project_its_own_rules() {
    let told = isomer(&["explain", "examples/dimensions"]);
    assert_eq!((told.exit, told.stderr.as_str()), (Some(0), ""));
    has(
        &told.stdout,
        &[
            "  1. convert-year-2024-to-range\n",
            "     yours    rules/sales.rules:4\n",
            "  made by  share-average (revenue_by_store), share-aggregate-list (stores_by_channel)\n",
        ],
    );
    let n_times = told.stdout.matches(". share-average\n").count();
    assert_eq!(n_times, 1, "a rule stands on a path once\n{}", told.stdout);
    let without = isomer(&["explain", "examples/dimensions", "--disable", "convert-year-2024-to-range"]);
    assert!(!without.stdout.contains("convert-year-2024-to-range\n"), "{}", without.stdout);
    has(&without.stdout, &["Unchanged, byte for byte: basket_by_category, channels, customers_by_month\n"]);
}

#[test]
fn explain_shows_rules_of_one_pass_with_one_change() {
    let told = isomer(&["explain", "examples/shop"]);
    let (_, entry) = told.stdout.split_once("\nrevenue_by_day  table").expect("the model is explained");
    let (entry, _) = entry.split_once("Unchanged, byte for byte").expect("other models are not changed");
    let rules = ["merge-inner-joins", "push-filter-into-inner-join", "push-filter-into-project", "share-common-plan"];
    for (position, rule) in rules.iter().enumerate() {
        has(entry, &[&format!("  {}. {rule}\n", position + 1)]);
    }
    let n_labels = |label: &str| entry.lines().filter(|line| line.trim() == label).count();
    assert_eq!((n_labels("before"), n_labels("after"), n_labels("now")), (1, 1, 1), "{entry}");
}

#[test]
fn models_that_are_not_selected_are_not_findings() {
    let told = isomer(&["explain", "examples/shop", "--exclude", "revenue_calendar"]);
    assert_eq!((told.exit, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    assert!(!told.stdout.contains("WITH RECURSIVE"), "{}", told.stdout);
}

#[test]
fn explain_in_three_formats() {
    let text = isomer(&["explain", "examples/smelt"]);
    assert_eq!(text.exit, Some(0));
    has(&text.stdout, &["6 models (smelt), 0 changed", "Unchanged, byte for byte: purchases, "]);
    let markdown = isomer(&["explain", "examples/smelt", "--format", "md"]);
    has(&markdown.stdout, &["# web_analytics\n\n", "## Models\n\n", "| rule | times | why |\n|---|---|---|\n"]);
    let json = isomer(&["explain", "examples/smelt", "--format", "json"]);
    let output: serde_json::Value = serde_json::from_str(&json.stdout).expect("stdout is JSON alone");
    assert_eq!(output["steps"].as_array().map(Vec::len), Some(6));
    assert!(output["steps"].as_array().unwrap().iter().all(|step| step["substrait"].is_string()));
}

#[test]
fn optimize_writes_a_file_a_step() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let out = folder.path().join("out");
    let told = isomer(&["optimize", "examples/sessions", "--out", &out.to_string_lossy()]);
    assert_eq!((told.exit, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    let mut names: Vec<PathBuf> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let names: Vec<String> =
        names.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect();
    assert_eq!(
        names,
        [
            "01_session_summary.sql",
            "02_daily_user_sessions.sql",
            "03_sessions_by_country.sql",
            "04_sessions_by_hour.sql",
            "pipeline.json"
        ]
    );
    let json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("pipeline.json")).unwrap()).expect("the pipeline is JSON");
    let sql = fs::read_to_string(out.join(&names[1])).unwrap();
    has(&sql, &[json["steps"][1]["sql"].as_str().unwrap().trim()]);
    has(&isomer(&["optimize", "examples/sessions", "--target", "spark"]).stdout, &["DROP TABLE IF EXISTS", "min_by("]);
}

#[test]
fn selectors_take_models_with_what_they_read() {
    let steps = |args: &[&str]| {
        let told = isomer(&[&["optimize", "examples/shop", "--quiet", "--format", "json"], args].concat());
        let output: serde_json::Value = serde_json::from_str(&told.stdout).unwrap_or_default();
        let names = output["steps"].as_array().into_iter().flatten().map(|step| step["name"].as_str().unwrap_or(""));
        names.filter(|name| !name.starts_with("shared_")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(steps(&["-s", "revenue_by_country"]), ["revenue_by_country"]);
    assert_eq!(steps(&["-s", "+fct_orders"]).last().map(String::as_str), Some("fct_orders"));
    assert!(steps(&["-s", "+fct_orders"]).contains(&"stg_orders".to_owned()));
    assert_eq!(steps(&["-s", "path:models/staging"]).len(), 5);
    assert_eq!(steps(&["--exclude", "path:models/staging", "revenue_calendar"]), [""; 0], "one path is taken");
    assert_eq!(steps(&["--exclude", "path:models/staging revenue_calendar"]).len(), 7);
}

#[test]
fn run_executes_one_way_or_compares_both() {
    let chosen = isomer(&["run", "examples/shop"]);
    assert_eq!(chosen.exit, Some(0), "{chosen:?}");
    has(&chosen.stdout, &["optimised on duckdb\n", "shared_order_items_products  shared        1,851 rows"]);
    let naive = isomer(&["run", "--naive", "examples/shop"]);
    has(&naive.stdout, &["naive on duckdb\n"]);
    assert!(!naive.stdout.contains("shared") && !naive.stdout.contains("optimised"), "{}", naive.stdout);
    let both = isomer(&["run", "--compare", "--repeat", "2", "examples/shop", "--format", "json"]);
    let output: serde_json::Value = serde_json::from_str(&both.stdout).expect("stdout is JSON alone");
    let ways: Vec<&str> = output["ways"].as_array().unwrap().iter().filter_map(|way| way["way"].as_str()).collect();
    assert_eq!(ways, ["naive", "optimised"]);
    assert!(output["speedup"].as_f64().is_some_and(|speedup| speedup > 0.0), "{output:#}");
    assert_eq!(output["ways"][1]["total_ms"].as_array().map(Vec::len), Some(2));
    assert_eq!(isomer(&["run", "--naive", "--compare", "examples/shop"]).exit, Some(2), "one or the other");
    // Nothing is drawn where stderr is no terminal.
    assert!(!chosen.stderr.contains('\r') && !chosen.stderr.contains('\u{1b}'), "{:?}", chosen.stderr);
}

#[test]
fn results_tell_null_from_an_empty_text() {
    let told = isomer(&["run", "examples/shop", "-s", "fct_orders", "--show-results"]);
    has(&told.stdout, &["\nfct_orders\n+--", "| order_id |"]);
    let compared = isomer(&["run", "examples/dimensions", "--compare"]);
    assert_eq!(compared.exit, Some(0), "{compared:?}");
    has(&compared.stdout, &["optimised runs ", " × as fast as naive\n"]);
}

#[test]
fn verify_compares_rows_on_both_engines() {
    for engine in ["duckdb", "datafusion"] {
        let told = isomer(&["verify", "examples/dimensions", "--engine", engine]);
        assert_eq!((told.exit, told.stderr.as_str()), (Some(0), ""), "{told:?}");
        has(&told.stdout, &[&format!("5 of 5 models give equal rows on {engine} ("), "revenue_by_store"]);
    }
    let foreign = isomer(&["verify", "examples/shop", "--engine", "datafusion"]);
    has(&foreign.stdout, &["13 of 13 models give equal rows on datafusion ("]);
}

#[test]
fn rules_are_listed_shown_and_tested() {
    let list = isomer(&["rules", "list", "examples/dimensions"]);
    assert_eq!(list.exit, Some(0));
    has(&list.stdout, &["push-filter-into-project", "convert-year-2024-to-range"]);
    let json = isomer(&["rules", "list", "examples/dimensions", "--format", "json"]);
    let rules: serde_json::Value = serde_json::from_str(&json.stdout).expect("stdout is JSON alone");
    let rules = rules.as_array().unwrap();
    let own: Vec<&str> =
        rules.iter().filter(|rule| rule["is_builtin"] == false).filter_map(|rule| rule["name"].as_str()).collect();
    assert_eq!(own, ["convert-year-2024-to-range", "convert-customer-count-to-approximate"]);
    let show = isomer(&["rules", "show", "convert-year-2024-to-range", "--project-dir", "examples/dimensions"]);
    has(&show.stdout, &["convert-year-2024-to-range", "extract(year FROM $d) = 2024", "refuses"]);
    let test = isomer(&["rules", "test", "examples/dimensions/rules"]);
    assert_eq!(test.exit, Some(0), "{}", test.stdout);
    has(
        &test.stdout,
        &[
            "ok    convert-year-2024-to-range  example \"the filter of a report\"\n",
            "ok    convert-year-2024-to-range  made rows ",
            " passed, 0 failed\n",
        ],
    );
    assert!(!test.stdout.contains("push-filter"), "built-in rules are not tested beside a named file");
}

#[test]
fn the_demo_explains_executes_and_verifies() {
    let told = isomer(&["demo", "--rows", "20000"]);
    assert_eq!((told.exit, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    has(
        &told.stdout,
        &[
            "session_summary  temp, about ",
            "  read by  daily_user_sessions, sessions_by_country, sessions_by_hour\n",
            "Executed on 20000 generated events\n",
            " × as fast as naive\n",
            "3 of 3 models give equal rows on duckdb",
        ],
    );
}

#[test]
fn columns_of_models_and_where_they_come_from() {
    let told = isomer(&["schema", "examples/shop", "--select", "int_order_payments fct_orders"]);
    assert_eq!((told.exit, told.stderr.as_str()), (Some(0), ""));
    has(
        &told.stdout,
        &[
            "\nint_order_payments  view, models/intermediate/int_order_payments.sql\n",
            "  order_id   BIGINT          not null; model stg_payments.order_id\n",
            "  paid       DECIMAL(38, 2)  not null; GROUP BY sum(amount)\n",
            "  key      order_id; GROUP BY one row a group\n",
            "  test     customer_id references shop.main.dim_customers(customer_id); relationships_fct_orders_",
        ],
    );
    let told = isomer(&["lineage", "examples/shop", "--select", "int_order_lines"]);
    has(
        &told.stdout,
        &[
            "  revenue     value shop.raw.order_items.discount, shop.raw.order_items.quantity, shop.raw.products.price\n",
            "  rows        join shop.raw.order_items.product_id, shop.raw.products.product_id\n",
        ],
    );
    let told = isomer(&["lineage", "examples/shop", "--column", "products.price", "--format", "json"]);
    has(&told.stdout, &["\"name\": \"revenue_by_day\""]);
    assert!(!told.stdout.contains("\"name\": \"stg_customers\""), "{}", told.stdout);
}
