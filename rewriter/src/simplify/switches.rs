//! Which rules may fire, and which did.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

/// Which rules may fire, and which did.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    disabled: FxHashSet<Arc<str>>,
    fired: BTreeMap<Arc<str>, usize>,
}

impl Switches {
    pub(crate) fn new(disabled: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { disabled: disabled.into_iter().collect(), fired: BTreeMap::new() }
    }

    /// The same rules in force, for work of which nobody is told.
    pub(crate) fn unnamed(&self) -> Self {
        Self { disabled: self.disabled.clone(), fired: BTreeMap::new() }
    }

    pub(crate) fn is_on(&self, rule: &str) -> bool {
        !self.disabled.contains(rule)
    }

    /// Counts a firing. What the normal form needs happens also when its rule is off, unnamed.
    pub(crate) fn fire(&mut self, rule: &str) {
        if !self.is_on(rule) {
            return;
        }
        match self.fired.get_mut(rule) {
            Some(count) => *count += 1,
            None => {
                self.fired.insert(Arc::from(rule), 1);
            }
        }
    }

    /// Counts a firing where there is a result, and hands it on.
    pub(crate) fn fire_if<T>(&mut self, rule: &str, result: Option<T>) -> Option<T> {
        if result.is_some() {
            self.fire(rule);
        }
        result
    }

    pub(crate) fn take_fired(&mut self) -> BTreeMap<Arc<str>, usize> {
        std::mem::take(&mut self.fired)
    }
}
