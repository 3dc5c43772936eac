//! The search finds faults: the wrong form of every refusal, unsound twins of rules over relations,
//! and unsound templates. What it misses fails, so that the search only gets better.

use std::sync::Arc;

use isomer_ir::semantics::search::Budget;
use isomer_rules::{Case, Rule};
use isomer_service::rule_test::{self, CaseKind, told_apart};
use isomer_tests::with_stack;

/// What the interpreter does not model: it has no answer on either side.
const NOT_MODELLED: [&str; 2] = ["random", "regexp_matches"];

/// How many wrong forms were told apart, and what was missed.
#[derive(Debug, Default)]
struct Found {
    n_found: usize,
    n_not_modelled: usize,
    missed: Vec<String>,
}

impl Found {
    fn search(&mut self, rule: &Rule, case: &Case) {
        let name = format!("{} \"{}\"", rule.name, case.title);
        match told_apart(rule, case, &Budget::default()) {
            Err(fault) => self.missed.push(format!("{name}: {fault}")),
            Ok(search) if search.counterexample.is_some() => self.n_found += 1,
            Ok(search) if search.open.is_some_and(|what| NOT_MODELLED.contains(&what)) => self.n_not_modelled += 1,
            Ok(search) => {
                let open = search.open.map_or(String::new(), |what| format!(", open: {what}"));
                self.missed.push(format!("{name}: {} databases compared{open}", search.n_compared));
            }
        }
    }

    #[expect(clippy::print_stdout, reason = "the share found is what the test is for")]
    fn expect_all(&self, least: usize) {
        let n_missed = self.missed.len();
        println!("{} of {} faults found", self.n_found, self.n_found + n_missed);
        assert!(self.missed.is_empty(), "{n_missed} faults are not found:\n{}", self.missed.join("\n"));
        assert!(self.n_found >= least, "only {} faults are planted", self.n_found);
    }
}

#[test]
fn the_wrong_form_of_every_refusal_is_refuted() {
    let found = with_stack(|| {
        let mut found = Found::default();
        for rule in &isomer_rules::builtin().rules {
            let wrong = rule.refusals.iter().filter(|case| case.wrong.is_some());
            wrong.for_each(|case| found.search(rule, case));
        }
        found
    });
    found.expect_all(85);
    let beyond = found.n_not_modelled;
    assert!(beyond * 20 <= found.n_found, "{beyond} refusals are beyond the interpreter");
}

#[test]
fn unsound_twins_over_relations_are_refuted() {
    let found = with_stack(|| {
        let text = include_str!("../unsound/relations.rules");
        let (file, faults) = isomer_rules::parse(&Arc::from("relations.rules"), text);
        assert!(faults.is_empty(), "{faults:?}");
        let mut found = Found::default();
        for rule in &file.rules {
            rule.refusals.iter().for_each(|case| found.search(rule, case));
        }
        found
    });
    found.expect_all(70);
}

#[test]
fn unsound_templates_fail_on_made_rows() {
    let text = include_str!("../unsound/templates.rules");
    let (rules, faults) = isomer_service::optimize::rules_of(&[("templates.rules".into(), text.into())]);
    assert!(faults.iter().all(|told| told.severity == isomer_ir::Severity::Note), "{faults:?}");
    let n_rules = rules.rules.iter().filter(|rule| !rule.is_builtin).count();
    let reports = with_stack(move || rule_test::run(&rules, &|rule| !rule.is_builtin));
    let is_found = |rule: &&str| {
        let mut own = reports.iter().filter(|report| report.rule == **rule);
        own.any(|report| report.kind == CaseKind::MadeRows && !report.faults.is_empty())
    };
    let mut names: Vec<&str> = reports.iter().map(|report| report.rule.as_str()).collect();
    names.dedup();
    let missed: Vec<&str> = names.iter().copied().filter(|rule| !is_found(rule)).collect();
    println!("{} of {n_rules} unsound templates found", names.len() - missed.len());
    assert_eq!((missed, names.len()), (Vec::new(), n_rules));
    assert!(n_rules >= 15, "only {n_rules} unsound templates are planted");
}

/// The near miss of all of these: what is right is not refuted.
#[test]
fn no_example_is_refuted() {
    let (n_clean, refuted) = with_stack(|| {
        let (mut n_clean, mut refuted) = (0, Vec::new());
        for rule in isomer_rules::builtin().rules.iter().filter(|rule| !rule.class.needs_consent()) {
            for case in &rule.examples {
                let budget = rule_test::budget(rule);
                let search = told_apart(rule, case, &budget).expect("examples are understood");
                n_clean += usize::from(search.n_compared >= 50);
                refuted
                    .extend(search.counterexample.map(|found| format!("{} \"{}\" {found:?}", rule.name, case.title)));
            }
        }
        (n_clean, refuted)
    });
    assert!(refuted.is_empty(), "{}", refuted.join("\n"));
    assert!(n_clean >= 110, "only {n_clean} examples were compared on enough databases");
}
