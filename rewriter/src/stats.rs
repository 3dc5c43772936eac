//! Counts and times of a run, for those who ask. Times come from the caller's clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isomer_ir::{PhaseStats, RuleStats, Stats};

use crate::config::Config;
use crate::memo::Memo;
use crate::simplify::Switches;

/// Collects the figures of one run; without a clock it does nothing.
pub(crate) struct Meter<'a> {
    clock: Option<&'a dyn Fn() -> Duration>,
    phases: Vec<PhaseStats>,
    templates: BTreeMap<Arc<str>, (usize, Duration)>,
}

/// When something began, and how many e-nodes there were.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begin {
    time: Duration,
    n_nodes: usize,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(config: &Config<'a>) -> Self {
        Self { clock: config.clock, phases: Vec::new(), templates: BTreeMap::new() }
    }

    /// Nobody asks.
    pub(crate) fn off() -> Self {
        Self { clock: None, phases: Vec::new(), templates: BTreeMap::new() }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.clock.is_some()
    }

    pub(crate) fn begin(&self, memo: &Memo) -> Option<Begin> {
        self.clock.map(|clock| Begin { time: clock(), n_nodes: memo.egraph.total_number_of_nodes() })
    }

    /// A phase ends that began there.
    pub(crate) fn end_phase(&mut self, phase: &'static str, begin: Option<Begin>, memo: &Memo) {
        let (Some(begin), Some(clock)) = (begin, self.clock) else { return };
        let time = clock().saturating_sub(begin.time);
        let (n_nodes, n_classes) = (memo.egraph.total_number_of_nodes(), memo.egraph.number_of_classes());
        match self.phases.iter_mut().find(|known| known.phase == phase) {
            Some(known) => {
                let (n_runs, time) = (known.n_runs + 1, known.time + time);
                *known = PhaseStats { phase, n_runs, n_nodes, n_classes, time };
            }
            None => self.phases.push(PhaseStats { phase, n_runs: 1, n_nodes, n_classes, time }),
        }
    }

    /// The search for a template ends that began there.
    pub(crate) fn end_template(&mut self, rule: &Arc<str>, begin: Option<Begin>, memo: &Memo) {
        let (Some(begin), Some(clock)) = (begin, self.clock) else { return };
        let of_rule = self.templates.entry(Arc::clone(rule)).or_default();
        of_rule.0 += memo.egraph.total_number_of_nodes().saturating_sub(begin.n_nodes);
        of_rule.1 += clock().saturating_sub(begin.time);
    }

    /// The figures, with how often each rule was applied; `None` where nobody asked.
    pub(crate) fn stats(self, applied: &BTreeMap<Arc<str>, usize>, switches: &Switches) -> Option<Stats> {
        self.clock?;
        let matched = switches.matched();
        let mut names: Vec<&Arc<str>> = applied.keys().chain(matched.keys()).collect();
        names.extend(switches.stopped().keys());
        names.sort_unstable();
        names.dedup();
        let rule_stats = |rule: &Arc<str>| {
            let n_applied = applied.get(rule).copied().unwrap_or_default();
            let found = matched.get(rule).copied().unwrap_or_default();
            let template = self.templates.get(rule);
            RuleStats {
                rule: Arc::clone(rule),
                n_matches: found.max(n_applied),
                n_applied,
                n_nodes: template.map_or(0, |(n_nodes, _)| *n_nodes),
                time: template.map(|(_, time)| *time),
                stopped: switches.stopped().get(rule).map(ToString::to_string),
            }
        };
        let mut rules: Vec<RuleStats> = names.into_iter().map(rule_stats).collect();
        let weight = |rule: &RuleStats| (rule.stopped.is_some(), rule.n_nodes, rule.n_matches);
        rules.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.rule.cmp(&b.rule)));
        Some(Stats { phases: self.phases, rules })
    }
}
