//! What is said of a rule: admitted or refuted, for which functions, and whether the prover finds it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::frame::{Choice, Functions, Width};
use super::judge::{Instance, Judge};
use super::mutant::Mutant;
use super::term::{Constraint, Found, Kind, Term};

/// How many instances of a rule are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Two.
    Quick,
    /// Lists of one and two columns and those that coincide, with three choices of predicates each.
    Full,
}

/// Whether the search lets a rule pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Admission {
    /// No counterexample.
    Admitted,
    /// None where what is unique is never NULL.
    WithFilledKeys,
    /// None for functions to which repeated rows make no difference.
    WithoutCounting,
    /// None for `min` and `max`.
    WithExtremes,
    /// A counterexample.
    Refuted,
    /// No instance could be made.
    Open,
}

impl Admission {
    /// As a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::WithFilledKeys => "admitted: keys without NULL",
            Self::WithoutCounting => "admitted: min, max, DISTINCT",
            Self::WithExtremes => "admitted: min, max",
            Self::Refuted => "refuted",
            Self::Open => "open",
        }
    }

    /// Whether the rule holds at least for some functions or keys.
    #[must_use]
    pub fn is_admitted(self) -> bool {
        !matches!(self, Self::Refuted | Self::Open)
    }
}

/// What was found of a rule.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Whether it may be used.
    pub admission: Admission,
    /// Whether every instance that was admitted is proved.
    pub is_implied: bool,
    /// Instances that were both refuted and proved, of which there must be none.
    pub contradictions: Vec<String>,
    /// An admitted instance that is not proved, or else a refuted one; or why none could be made.
    pub note: String,
    /// How long it took.
    pub time: Duration,
}

/// What was found of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weighed {
    /// The search refutes it.
    Refuted,
    /// It is proved: the constraint said nothing.
    Superfluous,
    /// Neither.
    Open,
    /// Both, which must not be.
    Contradiction,
    /// Nothing can stand for its symbols.
    Impossible,
}

fn choices(rule: &Found, effort: Effort) -> Vec<Choice> {
    let is_grouped = [&rule.left, &rule.right].into_iter().flat_map(Term::all).any(|term| term.word() == "Agg");
    let widths: &[Width] = match effort {
        Effort::Quick => &[Width::One, Width::Two],
        Effort::Full => &[Width::One, Width::Two, Width::Same],
    };
    let functions: &[Functions] = match (is_grouped, effort) {
        (false, _) => &[Functions::Counting],
        (true, _) => &[Functions::Extremes, Functions::Distinct, Functions::Counting],
    };
    let mut found = Vec::new();
    for (at, &width) in widths.iter().enumerate() {
        for &functions in functions {
            let preds: Vec<usize> = if effort == Effort::Quick { vec![at] } else { vec![at, at + 1, at + 3] };
            found.extend(preds.into_iter().map(|preds| Choice { width, preds, functions, is_key_filled: false }));
        }
    }
    found
}

/// Judges a rule.
#[must_use]
pub fn judged(rule: &Found, judge: &Judge, effort: Effort) -> Verdict {
    let start = Instant::now();
    let mut verdict = tried(rule, judge, effort, false);
    let has_key = rule.constraints.iter().any(|constraint| constraint.kind == Kind::Unique);
    if verdict.admission == Admission::Refuted && has_key {
        let filled = tried(rule, judge, effort, true);
        if filled.admission == Admission::Admitted {
            verdict = Verdict { admission: Admission::WithFilledKeys, ..filled };
        }
    }
    verdict.time = start.elapsed();
    verdict
}

fn tried(rule: &Found, judge: &Judge, effort: Effort, is_key_filled: bool) -> Verdict {
    let mut refuted: BTreeSet<Functions> = BTreeSet::new();
    let mut unproved: Vec<(Functions, String)> = Vec::new();
    let (mut note, mut n_judged, mut contradictions) = (String::new(), 0, Vec::new());
    let mut reason = String::new();
    for choice in choices(rule, effort) {
        let choice = Choice { is_key_filled, ..choice };
        let made = Instance::new(rule, &rule.constraints, choice);
        let (instance, judged) = match made.and_then(|made| judge.judge(&made).map(|judged| (made, judged))) {
            Ok(both) => both,
            Err(why) => {
                reason = why;
                continue;
            }
        };
        n_judged += 1;
        let text = || format!("{}{}\n{}", instance.schema, instance.sides[0], instance.sides[1]);
        match (judged.refuted, judged.is_proved) {
            (Some(found), true) => contradictions.push(format!("{}\n{found}", text())),
            (Some(found), false) => {
                refuted.insert(choice.functions);
                if note.is_empty() {
                    note = format!("{}\n{found}", text());
                }
            }
            (None, true) => {}
            (None, false) => unproved.push((choice.functions, text())),
        }
    }
    let admission = match refuted.first() {
        _ if n_judged == 0 => Admission::Open,
        None => Admission::Admitted,
        Some(Functions::Extremes) => Admission::Refuted,
        Some(Functions::Distinct) => Admission::WithExtremes,
        Some(Functions::Counting) if has_functions(rule) => Admission::WithoutCounting,
        Some(Functions::Counting) => Admission::Refuted,
    };
    unproved.retain(|(functions, _)| !refuted.contains(functions));
    if let Some((_, text)) = unproved.first() {
        note.clone_from(text);
    }
    if n_judged == 0 {
        note = reason;
    }
    let is_implied = admission.is_admitted() && unproved.is_empty();
    Verdict { admission, is_implied, contradictions, note, time: Duration::ZERO }
}

fn has_functions(rule: &Found) -> bool {
    rule.left.all().iter().any(|term| term.word() == "Agg")
}

/// Weighs a mutant of a rule that was admitted so, with the functions and keys for which it was.
#[must_use]
pub fn weighed(
    mutant: &Mutant,
    links: &[Constraint],
    admission: Admission,
    judge: &Judge,
    effort: Effort,
) -> (Weighed, String) {
    let is_admitted = |choice: &Choice| match admission {
        Admission::WithExtremes => choice.functions == Functions::Extremes,
        Admission::WithoutCounting => choice.functions != Functions::Counting,
        _ => true,
    };
    let (mut n_judged, mut n_proved, mut note) = (0, 0, String::new());
    for choice in choices(&mutant.rule, effort).into_iter().filter(is_admitted) {
        let choice = Choice { is_key_filled: admission == Admission::WithFilledKeys, ..choice };
        let Ok(instance) = Instance::new(&mutant.rule, links, choice) else { continue };
        let Ok(judged) = judge.judge(&instance) else { continue };
        n_judged += 1;
        let text = format!("{}{}\n{}", instance.schema, instance.sides[0], instance.sides[1]);
        match (judged.refuted, judged.is_proved) {
            (Some(found), true) => return (Weighed::Contradiction, format!("{text}\n{found}")),
            (Some(found), false) => return (Weighed::Refuted, format!("{text}\n{found}")),
            (None, true) => n_proved += 1,
            (None, false) => note = text,
        }
    }
    let weighed = match n_judged {
        0 => Weighed::Impossible,
        _ if n_proved == n_judged => Weighed::Superfluous,
        _ => Weighed::Open,
    };
    (weighed, note)
}
