//! Every step from a written plan to the chosen one is proved or tested, and can be run; a rule that
//! changes rows is found out.

use isomer_engines::EngineKind;
use isomer_ir::{Output, StepKind};
use isomer_service::explain::{self, Style};
use isomer_service::optimize::{self, Optimised, Request};
use isomer_service::{api, proof, steps};
use isomer_tests::examples::{ALL, DIMENSIONS, Example, SESSIONS, SHOP, SMELT, TPCH};
use isomer_tests::{answer_with_chains, folders, golden, repository, resize, with_stack};

/// The project in a folder with its chains.
fn optimised(folder: &str) -> Optimised {
    let answer = answer_with_chains(&repository(folder));
    answer.optimised.unwrap_or_else(|| panic!("{folder} is refused"))
}

fn sized(example: &Example) -> Optimised {
    let mut optimised = optimised(&format!("examples/{}", example.name));
    resize(&mut optimised, example.sizes);
    optimised
}

/// Why a step may be left open: values that the interpreter does not have, which DuckDB and DataFusion run,
/// and rows that no two runs need to agree on.
const NOT_EVALUATED: &[&str] =
    &["the elements of a list", "a column of a type without values here", "rows that chance picks"];

/// What a check of every step found, as `model step verdict`, for those of other verdicts.
fn others(proofs: &[api::Proof], expected: &[&str]) -> Vec<String> {
    let mut others = Vec::new();
    for proof in proofs {
        for (number, step) in (1..).zip(&proof.steps).filter(|(_, step)| !expected.contains(&step.verdict)) {
            others.push(format!("{} step {number}, {:?}: {:?}", proof.model, step.rule, step.counterexample));
        }
    }
    others
}

#[test]
fn chains_lead_from_the_written_to_the_chosen_plan() {
    let ids = |output: &Output| output.columns.iter().map(|column| column.column).collect::<Vec<_>>();
    for example in ALL {
        with_stack(move || {
            let optimised = sized(&example);
            let changed =
                || optimised.pipeline.steps.iter().filter(|step| step.kind == StepKind::Model && step.is_changed);
            assert_eq!(optimised.chains.len(), changed().count(), "{}", example.name);
            for chain in &optimised.chains {
                let model = &optimised.project.project.models[chain.model];
                let chosen = changed().find(|step| step.name == model.name).and_then(|step| step.output.as_ref());
                let (Some(last), Some(chosen)) = (chain.steps.last(), chosen) else { panic!("{}", model.name) };
                assert_eq!((&last.after.plan, ids(&last.after)), (&chosen.plan, ids(chosen)), "{}", model.name);
                for pair in chain.steps.windows(2) {
                    assert_eq!(pair[0].after.plan, pair[1].before.plan, "{}", model.name);
                }
            }
        });
    }
}

#[test]
fn every_step_of_the_examples_is_proved_or_tested() {
    let mut n_proved = 0;
    let mut n_steps = 0;
    for example in ALL {
        let proofs = with_stack(move || proof::prove(&mut sized(&example), &[]));
        assert_eq!(others(&proofs, &["proved", "tested"]), [""; 0], "{}", example.name);
        let steps = || proofs.iter().flat_map(|proof| &proof.steps);
        n_steps += steps().count();
        n_proved += steps().filter(|step| step.verdict == "proved").count();
        assert!(steps().all(|step| step.n_databases > 0), "{}: every step is tried as well", example.name);
    }
    assert!(n_steps > 25 && n_proved * 10 >= n_steps * 8, "{n_proved} of {n_steps} steps are proved");
}

#[test]
fn no_step_of_the_golden_cases_is_refuted() {
    let cases: Vec<_> = folders(&repository("tests/golden")).iter().flat_map(|family| folders(family)).collect();
    for case in cases {
        let name = case.display().to_string();
        let proofs = with_stack(move || {
            answer_with_chains(&case).optimised.map_or_else(Vec::new, |mut optimised| proof::prove(&mut optimised, &[]))
        });
        let mut proofs = proofs;
        for proof in &mut proofs {
            let is_open = |step: &api::ProofStep| {
                step.verdict == "open" && step.reason.as_deref().is_some_and(|why| NOT_EVALUATED.contains(&why))
            };
            proof.steps.retain(|step| !is_open(step));
        }
        assert_eq!(others(&proofs, &["proved", "tested", "consented"]), [""; 0], "{name}");
    }
}

#[test]
fn proofs_as_pages() {
    for (project, name) in [("examples/sessions", "sessions"), ("tests/golden/joins/foreign-key", "foreign-key")] {
        let page = with_stack(move || {
            let mut optimised = optimised(project);
            let proofs = proof::prove(&mut optimised, &[]);
            explain::render_proofs(&optimised.project.project.name, &proofs, Style::Plain)
        });
        golden(&repository("tests/proofs").join(format!("{name}.txt")), &page)
            .unwrap_or_else(|fault| panic!("{fault}"));
    }
}

/// Both sides of every step, on one engine.
fn run_steps(example: Example, engine: EngineKind) {
    let found = with_stack(move || {
        let base = repository("examples").join(example.name);
        steps::verify_steps(&mut sized(&example), isomer_service::execute::Site::new(engine, &base), &[], &mut |_| {})
            .expect("the sources can be loaded")
    });
    let others: Vec<_> = found.steps.iter().filter(|step| step.verdict != "equal").collect();
    assert!(found.is_equal && others.is_empty(), "{others:#?}");
    let has_changes = ![SMELT.name, TPCH.name].contains(&example.name);
    assert_eq!(!found.steps.is_empty(), has_changes, "{}", example.name);
}

#[test]
fn steps_run_on_duckdb() {
    for example in [SESSIONS, DIMENSIONS, SHOP, SMELT, TPCH] {
        run_steps(example, EngineKind::DuckDb);
    }
}

#[test]
fn steps_run_on_datafusion() {
    for example in [SESSIONS, DIMENSIONS, SHOP, SMELT, TPCH] {
        run_steps(example, EngineKind::DataFusion);
    }
}

const ORDERS: &str = "dialect: duckdb\n\
    sources:\n  orders:\n    rows: 100000\n    columns:\n      \
    - {name: id, type: bigint, not_null: true, unique: true}\n      \
    - {name: shop_id, type: bigint}\n      - {name: amount, type: integer}\n  \
    shops:\n    columns:\n      - {name: shop_id, type: bigint}\n";

/// The project of one model and one rule, with its chains.
fn planted(model: &str, rule: &str) -> Optimised {
    let files = [("isomer.yml", ORDERS), ("models/m.sql", model), ("rules/planted.rules", rule)];
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let answer = optimize::run(&Request { files, wants_chains: true, ..Request::default() });
    let told: Vec<String> = answer.diagnostics.iter().map(ToString::to_string).collect();
    answer.optimised.unwrap_or_else(|| panic!("{told:?}"))
}

#[test]
fn an_unsound_rule_is_found_out_by_name() {
    let scalar = "rule eliminate-coalesce \"NULL is forgotten.\"\n  class exact  phase user\n  for n expr\n  \
        match coalesce($n, 0)  =>  $n\n  when type($n) in (integer)\n  example \"one\"\n    given t(id int key, n int)\n    \
        input SELECT coalesce(n, 0) AS n FROM t\n    expect SELECT n FROM t\n";
    let relation = "rule eliminate-semi-join \"Whoever has no partner comes back.\"\n  class exact  phase user\n  \
        for L table, R table, C columns of L, j column of L, k column of R\n  \
        match SELECT $C FROM $L WHERE EXISTS (SELECT 1 FROM $R WHERE $R.$k = $L.$j)\n  =>    SELECT $C FROM $L\n  \
        example \"one\"\n    given a(id int key, n int), b(n int key)\n    \
        input SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.n = a.n)\n    expect SELECT id FROM a\n";
    let cases = [
        ("eliminate-coalesce", scalar, "SELECT id, coalesce(amount, 0) + 1 AS amount FROM orders"),
        (
            "eliminate-semi-join",
            relation,
            "SELECT id FROM orders AS o WHERE EXISTS (SELECT 1 FROM shops AS s WHERE s.shop_id = o.shop_id)",
        ),
    ];
    for (name, rule, model) in cases {
        let (proofs, refutations) = with_stack(move || {
            let mut optimised = planted(model, rule);
            let proofs = proof::prove(&mut optimised, &[]);
            let refutations = proof::refutations(&optimised, &proofs);
            (proofs, refutations)
        });
        let refuted: Vec<&api::ProofStep> =
            proofs.iter().flat_map(|proof| &proof.steps).filter(|step| step.verdict == "refuted").collect();
        let [step] = refuted.as_slice() else { panic!("{name}: {} steps are refuted", refuted.len()) };
        assert_eq!(step.rule.as_deref(), Some(name));
        let database = step.counterexample.as_ref().map_or("", |found| &*found.database);
        assert_eq!(database.matches("INSERT").count(), 1, "{name}: one row is enough to tell: {database}");
        let [told] = refutations.as_slice() else { panic!("{name}: {refutations:?}") };
        assert_eq!(told.code, "PLAN-0004");
        assert!(told.message.contains(name) && told.message.contains("INSERT INTO orders"), "{}", told.message);
    }
}

#[test]
fn facts_without_which_a_proof_fails_are_told_with_who_declared_them() {
    let proofs = with_stack(|| proof::prove(&mut optimised("tests/golden/joins/foreign-key"), &[]));
    let facts: Vec<&str> =
        proofs.iter().flat_map(|proof| &proof.steps).flat_map(|step| &step.facts).map(|f| &**f).collect();
    assert_eq!(
        facts,
        [
            "(store_id) is a key of stores, says isomer.yml",
            "(store_id) of orders refers to (store_id) of stores, says isomer.yml",
            "store_id of orders is declared NOT NULL",
            "store_id of stores is declared NOT NULL",
        ]
    );
}
