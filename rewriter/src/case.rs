//! Running one example or refusal of a rule: does the rule fire, and do two texts meet?

use isomer_ir::BoundProject;
use isomer_rules::CompiledRule;
use rustc_hash::FxHashMap;

use crate::config::Config;
use crate::memo::Memo;
use crate::operator::Context;
use crate::optimize::{Entry, lower, saturate};
use crate::rule_set::Rules;
use crate::same::is_same;

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseOutcome {
    /// Whether the rule fired while the inputs were optimised.
    pub has_fired: bool,
    /// Whether each input and the expected text of the same position are one relation.
    pub is_equal: bool,
}

/// Optimises the models at `inputs`, tells whether `rule` fired, and whether they then are equal
/// to the models at `expects`, position by position. The project is left as it was.
///
/// The case is tried among all `rules` and with the rule alone: one that another rule forestalls
/// must still do what it says.
#[must_use]
pub fn check_case(
    project: &BoundProject,
    rules: &[CompiledRule],
    rule: &str,
    inputs: &[usize],
    expects: &[usize],
) -> CaseOutcome {
    let together = attempt(project, rules, rule, inputs, expects);
    if together.has_fired && together.is_equal {
        return together;
    }
    let own: Vec<CompiledRule> = rules.iter().filter(|known| *known.rule.name == *rule).cloned().collect();
    let alone = attempt(project, &own, rule, inputs, expects);
    CaseOutcome { has_fired: together.has_fired || alone.has_fired, is_equal: together.is_equal || alone.is_equal }
}

fn attempt(
    project: &BoundProject,
    rules: &[CompiledRule],
    rule: &str,
    inputs: &[usize],
    expects: &[usize],
) -> CaseOutcome {
    let rules = Rules::new(rules, &project.project.settings);
    let mut switches = rules.switches();
    let mut memo = Memo::new(Context::new(project.arena.clone(), project.project.catalog.clone()));
    let config = Config::default();
    let written = lower(project, inputs, &rules, &mut switches, &mut memo).entries;
    saturate(&mut memo, &mut switches, &rules, &config);
    let fired_late = switches.take_fired();
    let has_fired = fired_late.contains_key(rule)
        || written.iter().any(|entry| entry.normal.fired.contains_key(rule))
        || (rule == "share-common-plan" && switches.is_on(rule) && has_common_class(&memo, &written));
    let expected = lower(project, expects, &rules, &mut switches, &mut memo).entries;
    saturate(&mut memo, &mut switches, &rules, &config);
    let is_equal = written.len() == inputs.len()
        && expected.len() == expects.len()
        && written.len() >= expected.len()
        && written.iter().zip(&expected).all(|(a, b)| is_same(&mut memo, &a.shown(), &b.shown()));
    CaseOutcome { has_fired, is_equal }
}

/// Whether two models compute one relation, beyond reading the same table, that may be shared.
fn has_common_class(memo: &Memo, entries: &[Entry]) -> bool {
    let mut seen: FxHashMap<egg::Id, usize> = FxHashMap::default();
    for (position, entry) in entries.iter().enumerate() {
        let mut stack = vec![memo.egraph.find(entry.class)];
        while let Some(class) = stack.pop() {
            let facts = memo.facts(class);
            let is_leaf = memo.egraph[class].nodes.iter().any(|node| node.inputs.is_empty());
            match seen.get(&class) {
                Some(&other) if other == position => continue,
                Some(_) if !is_leaf && !facts.is_volatile && !facts.is_stable_only => return true,
                Some(_) | None => {
                    seen.insert(class, position);
                }
            }
            let inputs = memo.egraph[class].nodes.iter().flat_map(|node| node.inputs.iter());
            stack.extend(inputs.map(|&input| memo.egraph.find(input)));
        }
    }
    false
}
