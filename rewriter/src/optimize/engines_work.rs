//! What engines do by themselves, which alone is no reason to change a model.

use std::sync::{Arc, LazyLock};

use isomer_ir::{Output, Plan};
use rustc_hash::FxHashMap;

use crate::memo::Memo;
use crate::normalize::{ModelRead, NormalModel, Normalizer};
use crate::plan_facts::estimate;
use crate::rule_set::NATIVE_RULES;
use crate::simplify::Switches;

/// Rules that every engine applies by itself: what they save is no saving of ours.
pub(super) const DONE_BY_ENGINES: &[&str] = &[
    "merge-filters",
    "merge-projects",
    "merge-inner-joins",
    "merge-limits",
    "merge-unions",
    "push-filter-into-project",
    "push-filter-into-inner-join",
    "push-filter-into-outer-join",
    "push-filter-into-semi-join",
    "push-filter-into-aggregate",
    "push-filter-into-union",
    "push-filter-into-window",
    "infer-filter-transitive",
    "infer-filter-across-join",
    "normalize-equal-columns",
    "convert-semi-join-to-inner",
    "push-semi-join-into-input",
    "eliminate-distinct-under-semi-join",
    "convert-mark-join-to-semi",
    "eliminate-unused-mark-join",
    "convert-single-join-to-left",
    "decorrelate-exists",
    "decorrelate-in",
    "decorrelate-scalar-subquery",
    "decorrelate-scalar-aggregate",
    "decorrelate-lateral",
    "decorrelate-by-domain",
    "pull-common-conjunct-from-or",
    "convert-outer-join-to-inner",
    "convert-distinct-to-aggregate",
    "convert-union-to-distinct",
    "eliminate-true-filter",
    "eliminate-sort-in-bag",
    "fold-constants",
    "simplify-boolean",
    "simplify-null",
    "simplify-comparison",
    "simplify-case",
    "simplify-cast",
    "simplify-null-test",
    "simplify-nullif",
    "simplify-distinct-from",
    "simplify-in-list",
    "simplify-cast-in-comparison",
    "simplify-sum-in-comparison",
    "simplify-try-cast",
    "simplify-arithmetic",
    "simplify-like",
    "merge-casts",
    "merge-cases",
    "merge-concats",
    "merge-constants-in-sum",
    "eliminate-null-test-on-not-null",
    "convert-semi-join-to-in-list",
    "merge-date-truncs",
    "merge-comparisons",
    "convert-or-to-in-list",
    "convert-date-trunc-to-range",
    "convert-date-cast-to-range",
    "convert-prefix-to-like",
    "convert-regexp-to-like",
    "convert-case-to-coalesce",
    "convert-case-to-nullif",
    "convert-case-to-predicate",
    "push-function-into-case",
    "push-constant-into-filter",
    "eliminate-implied-filter",
    "normalize-operand-order",
    "prune-columns",
    "prune-unused-aggregate",
    "prune-unused-window",
    "prune-duplicate-group-key",
    "prune-duplicate-sort-key",
];

/// Every other native rule.
pub(super) static NOT_DONE_BY_ENGINES: LazyLock<Vec<Arc<str>>> =
    LazyLock::new(|| NATIVE_RULES.iter().filter(|rule| !DONE_BY_ENGINES.contains(&&***rule)).cloned().collect());

/// Whether the engine's own rewrites gave this normal form: they are all on, no other rule fired but those
/// of the front end, and the first round was enough.
pub(super) fn is_engines_work(normal: &NormalModel, by_front_end: &[(Arc<str>, usize)], switches: &Switches) -> bool {
    let is_engines = |(rule, times): (&Arc<str>, &usize)| {
        DONE_BY_ENGINES.contains(&&**rule) || by_front_end.iter().any(|(name, n)| name == rule && n == times)
    };
    normal.is_settled_at_once
        && DONE_BY_ENGINES.iter().all(|rule| switches.is_on(rule))
        && normal.fired.iter().all(is_engines)
}

/// The rules that engines apply by themselves, and no other.
pub(crate) fn engine_switches() -> Switches {
    Switches::new(NOT_DONE_BY_ENGINES.iter().cloned())
}

/// The estimated cost of the written model as an engine runs it, upstream views inlined.
pub(super) fn engine_cost(memo: &mut Memo, reads: &FxHashMap<Arc<str>, ModelRead>, output: &Output) -> f64 {
    let mut switches = engine_switches();
    let templates = crate::templates::ScalarTemplates::default();
    let mut normalizer = Normalizer::new(memo.context_mut(), &mut switches, &templates, reads);
    // Once is enough for an estimate.
    normalizer.max_rounds = 0;
    let normal = normalizer.model(output.clone());
    let plan = Plan::Project { input: Box::new(normal.plan), exprs: normal.exprs };
    estimate(memo.context_mut(), &plan).1
}
