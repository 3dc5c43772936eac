//! No rule is essential: with each one off, with random halves of them off, and with other costs, the
//! pipelines of the golden projects and the examples give the rows of the models as written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use isomer_engines::EngineKind;
use isomer_frontend::ProjectFiles;
use isomer_ir::semantics::search::{Budget, Failures};
use isomer_service::optimize::{self, Optimised, Options, Request};
use isomer_service::{execute, files};
use isomer_tests::queries::{Random, TABLES, query};
use isomer_tests::{file_name, folders, pipelines, repository, with_stack};
use serde_json::json;

/// Random choices for each project.
const N_RANDOM: u64 = 3;
/// Enough to meet each literal; the faults of single rules are searched for with far more.
const BUDGET: Budget =
    Budget { seed: 7, n_every: 200, n_random: 150, max_rows: 5, is_order_compared: true, failures: Failures::OfSecond };

/// What a run changes.
#[derive(Debug, Clone, Default)]
struct Change {
    told: String,
    disabled: Vec<String>,
    /// Whether everything is rewritten and shared that can be, and tables have random sizes.
    has_other_costs: Option<u64>,
}

fn projects() -> Vec<PathBuf> {
    let golden = folders(&repository("tests/golden"));
    let golden = golden.iter().flat_map(|family| folders(family));
    golden.chain(folders(&repository("examples"))).collect()
}

fn optimised(folder: &Path, change: &Change) -> Option<Optimised> {
    let mut disk = files::read(folder).expect("the folder of a project can be read");
    let mut connected = Vec::new();
    if let Some(seed) = change.has_other_costs {
        if let Some(settings) = disk.files.get_mut("isomer.yml") {
            let text = String::from_utf8_lossy(settings).into_owned();
            if !text.contains("thresholds:") {
                *settings = format!("{text}\nthresholds:\n  min_saving: 0\n  min_shared_rows: 0\n").into_bytes();
            }
        }
        let as_written = optimize::run(&Request { files: disk.files.clone(), ..Request::default() }).optimised?;
        let mut random = Random::new(seed);
        for table in as_written.project.project.catalog.tables() {
            let mut table = table.clone();
            table.n_rows = Some([1.0, 100.0, 1e6, 1e10][random.below(4)]);
            connected.push(table);
        }
    }
    let options = Options { disable: change.disabled.clone(), ..Options::default() };
    let answer = optimize::run(&Request { files: disk.files, options, connected, ..Request::default() });
    answer.optimised.filter(|optimised| optimised.project.project.settings.allowed.is_empty())
}

/// Runs of a project: as it is, each rule of its pipeline off, halves off, other costs.
fn changes(folder: &Path) -> Vec<Change> {
    let mut changes = vec![Change { told: "as it is".to_owned(), ..Change::default() }];
    let Some(optimised) = optimised(folder, &changes[0]) else { return Vec::new() };
    let applied: BTreeSet<String> = optimised.output.applied_rules.iter().map(|rule| rule.rule.clone()).collect();
    for rule in &applied {
        let told = format!("without {rule}");
        changes.push(Change { told, disabled: vec![rule.clone()], ..Change::default() });
    }
    let all: Vec<String> = isomer_rules::builtin().rules.iter().map(|rule| rule.name.to_string()).collect();
    for seed in 0..N_RANDOM {
        let mut random = Random::new(seed + 1);
        let disabled: Vec<String> = all.iter().filter(|_| random.below(2) == 0).cloned().collect();
        let told = format!("without half {seed} of the rules");
        changes.push(Change { told, disabled: disabled.clone(), has_other_costs: None });
        let told = format!("other costs {seed}");
        changes.push(Change { told, disabled: Vec::new(), has_other_costs: Some(seed) });
    }
    changes.push(Change { told: "without any rule".to_owned(), disabled: all, has_other_costs: None });
    changes
}

#[test]
fn rows_stay_equal_with_rules_off_and_other_costs() {
    let (n_runs, n_steps, n_compared, faults) = with_stack(|| {
        let (mut n_runs, mut n_steps, mut n_compared) = (0, 0, 0);
        let mut faults = Vec::new();
        for folder in projects() {
            for change in changes(&folder) {
                let Some(mut optimised) = optimised(&folder, &change) else { continue };
                n_runs += 1;
                for (step, search) in pipelines::search(&mut optimised, &BUDGET) {
                    n_steps += 1;
                    n_compared += search.n_compared;
                    if let Some(found) = search.counterexample {
                        let plan = optimised.output.steps.iter().find(|shown| *shown.name == *step);
                        let sql = plan.and_then(|step| step.sql.clone()).unwrap_or_default();
                        faults.push(format!("{} {}: `{step}`\n{sql}\n{found:?}", file_name(&folder), change.told));
                    }
                }
            }
        }
        (n_runs, n_steps, n_compared, faults)
    });
    println!("{n_runs} runs, {n_steps} changed steps, {n_compared} databases compared");
    assert!(faults.is_empty(), "{} differences\n{}", faults.len(), faults.join("\n\n"));
    assert!(n_runs >= 200 && n_steps >= 400 && n_compared >= 50_000, "{n_runs} {n_steps} {n_compared}");
}

/// The interpreter is confirmed: half of the rules off, on DuckDB.
#[test]
fn rows_of_duckdb_stay_equal_without_half_of_the_rules() {
    let faults = with_stack(|| {
        let mut faults = String::new();
        for folder in folders(&repository("tests/golden")).iter().flat_map(|family| folders(family)) {
            let half = changes(&folder).into_iter().find(|change| change.told.starts_with("without half"));
            let Some(mut optimised) = half.and_then(|change| optimised(&folder, &change)) else { continue };
            match execute::verify(&mut optimised, execute::Site::new(EngineKind::DuckDb, &folder), &mut |_| {}) {
                Err(fault) => faults.push_str(&format!("{}: {fault}\n", folder.display())),
                Ok(verification) => {
                    for model in verification.models.iter().filter(|model| model.verdict == "different") {
                        faults.push_str(&format!("{}: {} {}\n", folder.display(), model.name, model.details.join(" ")));
                    }
                }
            }
        }
        faults
    });
    assert!(faults.is_empty(), "{faults}");
}

/// Generated queries, optimised a few at a time so that they share what they can.
const N_GENERATED: u64 = 900;
const N_TOGETHER: u64 = 6;

#[test]
fn generated_queries_keep_their_rows_when_optimised() {
    let (n_steps, n_compared, faults) = with_stack(|| {
        let (mut n_steps, mut n_compared, mut faults) = (0, 0, Vec::new());
        for first in (0..N_GENERATED / N_TOGETHER).map(|batch| batch * N_TOGETHER) {
            let mut files = ProjectFiles::new();
            for seed in first..first + N_TOGETHER {
                files.insert(format!("models/q{seed}.sql"), query(seed).into_bytes());
            }
            let sources: serde_json::Map<String, serde_json::Value> = TABLES
                .iter()
                .map(|(name, columns)| {
                    let columns: Vec<_> = columns.iter().map(|(name, of)| json!({"name": name, "type": of})).collect();
                    ((*name).to_owned(), json!({"columns": columns}))
                })
                .collect();
            let settings = json!({
                "dialect": "duckdb",
                "sources": sources,
                "thresholds": {"min_saving": 0, "min_shared_rows": 0},
            });
            files.insert("isomer.yml".to_owned(), settings.to_string().into_bytes());
            let answer = optimize::run(&Request { files, ..Request::default() });
            let mut optimised = answer.optimised.expect("generated projects are optimised");
            for (step, search) in pipelines::search(&mut optimised, &BUDGET) {
                n_steps += 1;
                n_compared += search.n_compared;
                if let Some(found) = search.counterexample {
                    let chosen = optimised.output.steps.iter().find(|shown| *shown.name == *step);
                    let sql = chosen.and_then(|step| step.sql.clone()).unwrap_or_default();
                    let seed: u64 = step.trim_start_matches('q').parse().unwrap_or(0);
                    let rules = chosen.map(|step| step.rules.join(" ")).unwrap_or_default();
                    faults.push(format!("`{step}`: {}\nbecame\n{sql}\nby {rules}\n{found:?}", query(seed)));
                }
            }
        }
        (n_steps, n_compared, faults)
    });
    println!("{n_steps} changed steps, {n_compared} databases compared");
    assert!(faults.is_empty(), "{} differences\n{}", faults.len(), faults.join("\n\n"));
    assert!(n_steps >= 250 && n_compared >= 40_000, "{n_steps} {n_compared}");
}
