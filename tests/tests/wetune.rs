//! Machine-discovered rules: the search refutes none that the prover proves, admits no fewer than before,
//! and refutes their unsound twins.

use isomer_benches::wetune::{Admission, Effort, Found, Judge, Verdict, Weighed, judged, mutants, read, weighed};
use isomer_tests::{repository, with_stack};

/// Rules that a small search admits; those that it admits for some functions only are not counted.
const N_ADMITTED: usize = 295;
/// Rules of which every admitted instance is proved.
const N_IMPLIED: usize = 364;
/// Rules that hold for no function.
const REFUTED: [&str; 0] = [];
/// One rule in so many has its twins tried.
const STRIDE: usize = 12;
/// Of a hundred twins that are not proved so many are refuted, at least.
const SHARE_REFUTED: usize = 94;

fn rules() -> Vec<Found> {
    let text = std::fs::read_to_string(repository("tests/wetune/rules.tsv")).expect("the rules can be read");
    read(&text).expect("every line is a rule")
}

fn judge() -> Judge {
    Judge::new(&isomer_rules::builtin(), 50, 30, 400)
}

#[test]
#[allow(clippy::print_stdout, reason = "the counts are what a run is read for")]
fn discovered_rules_are_judged_as_before() {
    let verdicts: Vec<(String, Verdict)> = with_stack(|| {
        let judge = judge();
        rules().iter().map(|rule| (rule.name.clone(), judged(rule, &judge, Effort::Quick))).collect()
    });
    assert_eq!(verdicts.len(), 411);
    for (name, verdict) in &verdicts {
        assert!(verdict.contradictions.is_empty(), "{name} is proved and refuted:\n{}", verdict.contradictions[0]);
    }
    let n_implied = verdicts.iter().filter(|(_, verdict)| verdict.is_implied).count();
    assert!(n_implied >= N_IMPLIED, "only {n_implied} rules are proved");
    let n_admitted = verdicts.iter().filter(|(_, verdict)| verdict.admission == Admission::Admitted).count();
    assert!(n_admitted >= N_ADMITTED, "only {n_admitted} rules are admitted");
    let names = |admission| -> Vec<&str> {
        let met = verdicts.iter().filter(|(_, verdict)| verdict.admission == admission);
        met.map(|(name, _)| name.as_str()).collect()
    };
    println!("{n_admitted} of {} admitted for all functions, {n_implied} proved", verdicts.len());
    assert_eq!(names(Admission::Refuted), REFUTED);
    assert!(names(Admission::Open).is_empty(), "no instance of {:?}", names(Admission::Open));
}

#[test]
#[allow(clippy::print_stdout, reason = "the counts are what a run is read for")]
fn twins_of_discovered_rules_are_refuted() {
    let (n_refuted, n_open, contradictions) = with_stack(|| {
        let judge = judge();
        let (mut n_refuted, mut n_open, mut contradictions) = (0, 0, Vec::new());
        for rule in rules().iter().step_by(STRIDE) {
            let verdict = judged(rule, &judge, Effort::Quick);
            for mutant in mutants(rule) {
                let (found, note) = weighed(&mutant, &rule.constraints, verdict.admission, &judge, Effort::Quick);
                match found {
                    Weighed::Refuted => n_refuted += 1,
                    Weighed::Open => n_open += 1,
                    Weighed::Contradiction => contradictions.push(format!("{} {}\n{note}", rule.name, mutant.dropped)),
                    Weighed::Superfluous | Weighed::Impossible => {}
                }
            }
        }
        (n_refuted, n_open, contradictions)
    });
    assert!(contradictions.is_empty(), "proved and refuted:\n{}", contradictions.join("\n"));
    let share = n_refuted * 100 / (n_refuted + n_open).max(1);
    println!("{n_refuted} twins refuted, {n_open} open: {share} %");
    assert!(share >= SHARE_REFUTED, "{n_refuted} refuted, {n_open} open");
}
