//! Which rules may fire, how often they did, and which were stopped because they would not end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use isomer_rules::Budget;
use rustc_hash::{FxHashMap, FxHashSet};

/// Why a rule was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It was applied as often as its budget allows in one iteration, and waited for the next one.
    Iteration(usize),
    /// It was applied as often as its budget allows in all.
    Total(usize),
    /// What it makes holds what it replaces, or comes back to it.
    FeedsItself,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iteration(n) => write!(f, "its budget of {n} applications per iteration was spent"),
            Self::Total(n) => write!(f, "its budget of {n} applications was spent"),
            Self::FeedsItself => f.write_str("what it makes can be rewritten by it again, without end"),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    in_iteration: usize,
    total: usize,
}

/// Which rules may fire, and which did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switches {
    disabled: FxHashSet<Arc<str>>,
    off_in_model: FxHashSet<Arc<str>>,
    fired: BTreeMap<Arc<str>, usize>,
    n_fired: usize,
    budgets: FxHashMap<Arc<str>, Budget>,
    spent: FxHashMap<Arc<str>, Spent>,
    waiting: FxHashSet<Arc<str>>,
    ended: FxHashSet<Arc<str>>,
    stopped: BTreeMap<Arc<str>, Stop>,
    /// Rules in the order in which they first fired, where somebody asks.
    recorded: Option<Vec<Arc<str>>>,
    /// How often the patterns of templates were found, where somebody asks.
    matched: Option<BTreeMap<Arc<str>, usize>>,
}

impl Switches {
    pub(crate) fn new(disabled: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { disabled: disabled.into_iter().collect(), ..Self::default() }
    }

    /// Rules beside these have no budget.
    pub(crate) fn with_budgets(mut self, budgets: impl IntoIterator<Item = (Arc<str>, Budget)>) -> Self {
        self.budgets = budgets.into_iter().collect();
        self
    }

    /// The same, keeping the order in which rules first fire.
    pub(crate) fn recording(mut self) -> Self {
        self.recorded = Some(Vec::new());
        self
    }

    /// The same, counting how often patterns are found.
    pub(crate) fn counting(mut self) -> Self {
        self.matched = Some(BTreeMap::new());
        self
    }

    /// Counts places where a pattern was found.
    pub(crate) fn count_matches(&mut self, rule: &Arc<str>, n: usize) {
        if let Some(matched) = self.matched.as_mut().filter(|_| n > 0) {
            *matched.entry(Arc::clone(rule)).or_default() += n;
        }
    }

    /// How often the pattern of each template was found, where it was counted.
    pub(crate) fn matched(&self) -> BTreeMap<Arc<str>, usize> {
        self.matched.clone().unwrap_or_default()
    }

    /// Rules in the order in which they first fired.
    pub(crate) fn recorded(self) -> Vec<Arc<str>> {
        self.recorded.unwrap_or_default()
    }

    /// The same with more rules off.
    pub(crate) fn without(mut self, rules: impl IntoIterator<Item = Arc<str>>) -> Self {
        self.disabled.extend(rules);
        self
    }

    /// The same rules in force, for work of which nobody is told.
    pub(crate) fn unnamed(&self) -> Self {
        Self { fired: BTreeMap::new(), recorded: None, ..self.clone() }
    }

    pub(crate) fn is_on(&self, rule: &str) -> bool {
        !self.disabled.contains(rule)
            && !self.off_in_model.contains(rule)
            && !self.ended.contains(rule)
            && !self.waiting.contains(rule)
    }

    /// Switches these rules off, and those that the model before switched off on again.
    pub(crate) fn begin_model(&mut self, off: FxHashSet<Arc<str>>) {
        self.off_in_model = off;
    }

    /// Counts a firing. What the normal form needs happens also when its rule is off, unnamed.
    pub(crate) fn fire(&mut self, rule: &str) {
        if !self.is_on(rule) {
            return;
        }
        self.n_fired += 1;
        match self.fired.get_mut(rule) {
            Some(count) => *count += 1,
            None => {
                if let Some(recorded) = &mut self.recorded {
                    recorded.push(Arc::from(rule));
                }
                self.fired.insert(Arc::from(rule), 1);
            }
        }
        self.spend(rule);
    }

    fn spend(&mut self, rule: &str) {
        let Some((rule, budget)) = self.budgets.get_key_value(rule) else { return };
        let (rule, budget) = (Arc::clone(rule), *budget);
        let spent = self.spent.entry(Arc::clone(&rule)).or_default();
        spent.in_iteration += 1;
        spent.total += 1;
        if spent.total >= budget.total {
            self.stop(&rule, Stop::Total(budget.total));
        } else if spent.in_iteration >= budget.per_iteration {
            self.stop(&rule, Stop::Iteration(budget.per_iteration));
        }
    }

    /// Switches a rule off, for the rest of the iteration or of the run.
    pub(crate) fn stop(&mut self, rule: &Arc<str>, stop: Stop) {
        match stop {
            Stop::Iteration(_) => self.waiting.insert(Arc::clone(rule)),
            Stop::Total(_) | Stop::FeedsItself => self.ended.insert(Arc::clone(rule)),
        };
        self.stopped.insert(Arc::clone(rule), stop);
    }

    /// A new iteration begins: rules that waited go on.
    pub(crate) fn begin_iteration(&mut self) {
        self.waiting.clear();
        #[expect(clippy::iter_over_hash_type, reason = "each is reset by itself")]
        for spent in self.spent.values_mut() {
            spent.in_iteration = 0;
        }
    }

    /// Counts a firing where there is a result, and hands it on.
    pub(crate) fn fire_if<T>(&mut self, rule: &str, result: Option<T>) -> Option<T> {
        if result.is_some() {
            self.fire(rule);
        }
        result
    }

    /// How often any rule fired.
    pub(crate) fn n_fired(&self) -> usize {
        self.n_fired
    }

    pub(crate) fn take_fired(&mut self) -> BTreeMap<Arc<str>, usize> {
        std::mem::take(&mut self.fired)
    }

    /// The rules that were stopped, each with the last reason.
    pub(crate) fn stopped(&self) -> &BTreeMap<Arc<str>, Stop> {
        &self.stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_what_would_not_end() {
        let rule: Arc<str> = Arc::from("r");
        let mut switches = Switches::new([]).with_budgets([(Arc::clone(&rule), Budget { per_iteration: 2, total: 3 })]);
        let fire = |switches: &mut Switches| (0..5).for_each(|_| switches.fire("r"));
        fire(&mut switches);
        assert_eq!(switches.take_fired()["r"], 2);
        assert_eq!(switches.stopped()["r"], Stop::Iteration(2));
        switches.begin_iteration();
        fire(&mut switches);
        assert_eq!(switches.take_fired()["r"], 1);
        switches.begin_iteration();
        fire(&mut switches);
        assert!(switches.take_fired().is_empty());
        assert_eq!(switches.stopped()["r"], Stop::Total(3));
        (0..5).for_each(|_| switches.fire("other"));
        assert_eq!(switches.take_fired()["other"], 5, "what has no budget goes on");
    }
}
