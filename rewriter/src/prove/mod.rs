//! Are two queries equal? Both are brought to normal form, put into one e-graph, and compared.
//!
//! A proof is found when the two outputs are one class of the e-graph, or when the normal forms can be
//! laid over each other: `align` finds which inputs, columns and conditions correspond. Nothing here
//! decides that two queries differ; that is the business of a counterexample.

mod alike;
mod closure;
mod describe;
mod group;
mod project;
mod prover;
mod step;
mod sum;
mod tidy;
mod translate;

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{Arena, Catalog, Output, Settings};
use isomer_rules::CompiledRule;

use crate::config::Config;
use crate::memo::Memo;
use crate::normalize::{ModelRead, NormalModel, Normalizer};
use crate::operator::Context;
use crate::optimize::{add_root, saturate};
use crate::rule_set::Rules;
use crate::same::{Shown, is_same};
use crate::simplify::Switches;
pub use project::over_sources;
use prover::{Prover, Shape};
pub use step::{Checked, Verdict, check_step};

/// What two queries are proved equal over: the scalars they are made of and the facts of their tables.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Scalars and columns of both queries.
    pub arena: &'a Arena,
    /// Tables with declared facts, on which the proof leans.
    pub catalog: &'a Catalog,
    /// Rules that may be used.
    pub rules: &'a [CompiledRule],
    /// Which of them are switched off or consented to.
    pub settings: &'a Settings,
}

/// How a proof was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The two bind to one plan.
    Identical,
    /// The e-graph holds both outputs in one class.
    SameClass,
    /// Both say the same as sums over rows of tables.
    SameSum,
}

/// What became of an attempt.
#[derive(Debug, Clone)]
pub struct Proof {
    /// How equality was found; `None` where it was not.
    pub method: Option<Method>,
    /// What the proof takes for granted beside the declared facts.
    pub assumptions: Vec<&'static str>,
    /// Rules that fired on the first query, with how often.
    pub left: BTreeMap<Arc<str>, usize>,
    /// Rules that fired on the second.
    pub right: BTreeMap<Arc<str>, usize>,
    /// The two as sums of products, as text; empty where no attempt came so far.
    pub sums: [String; 2],
    /// The normal forms as text, for whoever wonders what is missing.
    pub normal_forms: [String; 2],
}

/// Tries to prove that two queries give the same rows, whatever the tables hold that obeys their facts.
///
/// Rows are compared as bags, and in order where both queries end in `ORDER BY`.
/// What is not proved with the rules in force is tried again with those that assume something, which the
/// proof then says.
#[must_use]
pub fn prove(ground: Ground<'_>, left: &Output, right: &Output, config: &Config<'_>) -> Proof {
    let proof = attempt(ground, left, right, config);
    if proof.method.is_some() {
        return proof;
    }
    let mut settings = ground.settings.clone();
    settings.allowed.extend(ASSUMING.iter().map(|(rule, _)| Arc::from(*rule)));
    let mut assuming = attempt(Ground { settings: &settings, ..ground }, left, right, config);
    let fired = |rule: &str| assuming.left.contains_key(rule) || assuming.right.contains_key(rule);
    let assumed: Vec<&str> = ASSUMING.iter().filter(|(rule, _)| fired(rule)).map(|(_, what)| *what).collect();
    if assuming.method.is_none() || assumed.is_empty() {
        return proof;
    }
    assuming.assumptions.extend(assumed);
    assuming
}

/// Rules that are in force with consent only, and what a proof with them takes for granted.
const ASSUMING: [(&str, &str); 1] = [("simplify-integer-sum-in-comparison", "no sum of integers overflows")];

fn attempt(ground: Ground<'_>, left: &Output, right: &Output, config: &Config<'_>) -> Proof {
    let rules = Rules::new(ground.rules, ground.settings);
    let mut switches = rules.switches();
    let mut memo = Memo::new(Context::new(ground.arena.clone(), ground.catalog.clone()));
    let entries = [left, right].map(|output| entry(&mut memo, &mut switches, &rules, output));
    let normal_forms = [0, 1].map(|side: usize| printed(&memo, &entries[side].0));
    let [left_fired, right_fired] = [0, 1].map(|side: usize| entries[side].0.fired.clone());
    let mut proof = Proof {
        method: None,
        assumptions: Vec::new(),
        sums: [String::new(), String::new()],
        left: left_fired,
        right: right_fired,
        normal_forms,
    };
    let is_one = |a: &Output, b: &Output| {
        let ids = |output: &Output| output.columns.iter().map(|column| column.column).collect::<Vec<_>>();
        a.plan == b.plan && ids(a) == ids(b)
    };
    if is_one(left, right) {
        proof.method = Some(Method::Identical);
        return proof;
    }
    memo.rebuild();
    if is_same(&mut memo, &shown(&entries[0]), &shown(&entries[1])) {
        proof.method = Some(Method::SameClass);
        return proof;
    }
    saturate(&mut memo, &mut switches, &rules, config);
    if is_same(&mut memo, &shown(&entries[0]), &shown(&entries[1])) {
        proof.method = Some(Method::SameClass);
        return proof;
    }
    let [first, second] = entries;
    let forms = [
        (Shape::written(memo.context_mut(), left), Shape::written(memo.context_mut(), right)),
        (Shape::normal(first.0), Shape::normal(second.0)),
    ];
    for (one, other) in forms {
        let mut prover = Prover::new(memo.context_mut(), &mut switches, &rules.templates);
        proof.sums = [&one, &other].map(|shape| prover.described(shape));
        if prover.proves(&one, &other) {
            proof.method = Some(Method::SameSum);
            proof.assumptions = prover.assumptions.into_iter().collect();
            break;
        }
    }
    proof
}

fn entry(memo: &mut Memo, switches: &mut Switches, rules: &Rules, output: &Output) -> (NormalModel, egg::Id) {
    let reads: rustc_hash::FxHashMap<Arc<str>, ModelRead> = rustc_hash::FxHashMap::default();
    let normal = Normalizer::new(memo.context_mut(), switches, &rules.templates, &reads).model(output.clone());
    let base = memo.add_plan(&normal.plan);
    let class = add_root(memo, base, &normal);
    (normal, class)
}

fn shown((normal, class): &(NormalModel, egg::Id)) -> Shown<'_> {
    Shown { normal, class: *class }
}

fn printed(memo: &Memo, normal: &NormalModel) -> String {
    let arena = &memo.context().arena;
    let exprs: Vec<String> = normal.exprs.iter().map(|(_, scalar)| isomer_ir::explain_scalar(*scalar, arena)).collect();
    format!("show {}\n{}", exprs.join(", "), isomer_ir::explain_plan(&normal.plan, arena))
}
