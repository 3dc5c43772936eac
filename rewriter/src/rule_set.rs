//! The rules of one run: which are off, which templates are in force, which were not let in.

use std::sync::{Arc, LazyLock};

use isomer_ir::Settings;
use isomer_rules::{Budget, Compiled, CompiledRule, Guard, HoleSort, Rule};
use rustc_hash::FxHashSet;

use crate::relations::RelationTemplate;
use crate::simplify::Switches;
use crate::templates::{AggregateTemplate, HoleGuard, ScalarTemplate, ScalarTemplates};

/// The names of all native rules.
pub(crate) static NATIVE_RULES: LazyLock<Vec<Arc<str>>> =
    LazyLock::new(|| isomer_rules::NATIVES.iter().map(|native| Arc::from(native.replace('_', "-"))).collect());

/// Rules as the optimizer uses them.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Native rules that are switched off.
    pub(crate) disabled: Vec<Arc<str>>,
    /// Scalar and aggregate templates.
    pub(crate) templates: ScalarTemplates,
    /// Relation templates.
    pub(crate) relations: Vec<RelationTemplate>,
    /// Rules that were not let in, with the reason.
    pub(crate) withheld: Vec<(Arc<str>, String)>,
    users: FxHashSet<Arc<str>>,
    budgets: Vec<(Arc<str>, Budget)>,
    /// Every rule with its tags, where a model has a say of its own.
    names: Vec<(Arc<str>, Vec<Arc<str>>)>,
}

impl Rules {
    pub(crate) fn new(compiled: &[CompiledRule], settings: &Settings) -> Self {
        let mut rules = Self { disabled: settings.disabled_rules.clone(), ..Self::default() };
        for rule in compiled {
            rules.add(rule, settings);
        }
        // A native rule that the caller did not pass is off: built-ins have no private power.
        let passed: FxHashSet<&str> = compiled.iter().map(|rule| &*rule.rule.name).collect();
        rules.disabled.extend(NATIVE_RULES.iter().filter(|rule| !passed.contains(&***rule)).cloned());
        rules
    }

    fn add(&mut self, compiled: &CompiledRule, settings: &Settings) {
        let rule = &compiled.rule;
        if !settings.models.is_empty() {
            self.names.push((Arc::clone(&rule.name), rule.tags.clone()));
        }
        if settings.is_off(&rule.name, &rule.tags) {
            self.disabled.push(Arc::clone(&rule.name));
            // With `only`, every other rule is off: that is no news of each.
            if settings.only.is_empty() {
                self.withheld.push((Arc::clone(&rule.name), "disabled".to_owned()));
            }
            return;
        }
        let is_allowed = settings.allowed.iter().any(|allowed| *allowed == rule.name || rule.tags.contains(allowed));
        if rule.class.needs_consent() && !is_allowed {
            self.disabled.push(Arc::clone(&rule.name));
            self.withheld.push((Arc::clone(&rule.name), format!("needs consent: class {}", rule.class)));
            return;
        }
        // What a project wrote or consented to by name is wanted whatever it saves.
        if !rule.is_builtin || rule.class.needs_consent() {
            self.users.insert(Arc::clone(&rule.name));
        }
        if !matches!(compiled.compiled, Compiled::Native) {
            self.budgets.push((Arc::clone(&rule.name), rule.budget));
        }
        let mut guards: Vec<HoleGuard> = rule.guards.iter().flat_map(|guard| hole_guards(rule, guard)).collect();
        guards.extend(sort_guards(rule));
        match &compiled.compiled {
            Compiled::Native => {}
            Compiled::Scalar { pattern, template, is_holds_only } => self.templates.scalars.push(ScalarTemplate {
                rule: Arc::clone(&rule.name),
                pattern: *pattern,
                template: *template,
                is_holds_only: *is_holds_only,
                guards,
            }),
            Compiled::Aggregate { pattern, template } => self.templates.aggregates.push(AggregateTemplate {
                rule: Arc::clone(&rule.name),
                pattern: pattern.clone(),
                template: template.clone(),
                guards,
            }),
            Compiled::Relation { pattern, template, beside, note } => {
                self.relations.push(RelationTemplate::new(rule, (pattern, template), beside, note.as_ref()));
            }
        }
    }

    /// Switches of a run: what is disabled is off, and templates have their budgets.
    pub(crate) fn switches(&self) -> Switches {
        Switches::new(self.disabled.iter().cloned()).with_budgets(self.budgets.iter().cloned())
    }

    /// The rules that a model's own text switches off in it.
    pub(crate) fn off_in(&self, settings: &Settings, model: &str) -> FxHashSet<Arc<str>> {
        let Some(own) = settings.models.get(model) else { return FxHashSet::default() };
        let off = self.names.iter().filter(|(name, tags)| own.is_off(name, tags));
        off.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Whether the project asked for a rule: its own, or one that it consents to.
    pub(crate) fn is_users(&self, rule: &str) -> bool {
        self.users.contains(rule)
    }
}

/// A hole's sort is a condition on what it stands for.
fn sort_guards(rule: &Rule) -> impl Iterator<Item = HoleGuard> + '_ {
    (0..).zip(&rule.holes).filter_map(|(position, hole)| match hole.sort {
        HoleSort::Literal => Some(HoleGuard::IsLiteral(position)),
        HoleSort::Column => Some(HoleGuard::IsColumn(position)),
        HoleSort::Predicate => Some(HoleGuard::IsPredicate(position)),
        HoleSort::Expr | HoleSort::Table | HoleSort::Columns | HoleSort::Aggregate => None,
    })
}

/// A guard over the bindings of its holes, one for each.
fn hole_guards(rule: &Rule, guard: &Guard) -> Vec<HoleGuard> {
    let position = |arg: &String| rule.holes.iter().position(|hole| *hole.name == *arg.trim_start_matches('$'));
    let holes = guard.args.iter().map(|arg| position(arg).and_then(|position| u32::try_from(position).ok()));
    holes.map(|hole| hole_guard(guard, hole)).collect()
}

fn hole_guard(guard: &Guard, hole: Option<u32>) -> HoleGuard {
    match (&*guard.name, hole, guard.bound) {
        ("deterministic", Some(hole), _) => HoleGuard::Deterministic(hole),
        ("cannot_raise", Some(hole), _) => HoleGuard::CannotRaise(hole),
        ("not_null", Some(hole), _) => HoleGuard::NotNull(hole),
        ("literal", Some(hole), _) => HoleGuard::IsLiteral(hole),
        ("type", Some(hole), _) => {
            HoleGuard::TypeIn(hole, guard.members.iter().map(|word| Arc::from(word.as_str())).collect())
        }
        ("rows", _, Some(('>', rows))) => HoleGuard::RowsAbove(rows),
        ("rows", _, Some((_, rows))) => HoleGuard::RowsBelow(rows),
        _ => HoleGuard::Unprovable,
    }
}
