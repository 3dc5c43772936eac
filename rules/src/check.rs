//! Static checks of rules, each with a code; across files for names. What only the binder sees is
//! checked where templates are bound.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Severity, Span, nearest};

use crate::rule::{Body, Guard, HoleSort, Rule, RuleFile, RuleSet, SqlText};
use crate::vocabulary::{GUARDS, GuardForm, NATIVES, TYPE_WORDS, VERBS};

/// Faults of a template without which the binder would only tell the same again.
const OPEN_TEMPLATE: [&str; 6] = ["RULE-0026", "RULE-0027", "RULE-0028", "RULE-0029", "RULE-0039", "RULE-0040"];

/// Checks rules and makes a set of those that are sound to load, in their order, with the facts. A
/// rule with a fault is left out and told; its templates are looked at all the same where they can be
/// read.
#[must_use]
pub fn check(read: RuleFile) -> (RuleSet, Vec<Diagnostic>) {
    let mut set = RuleSet { facts: read.facts, ..RuleSet::default() };
    let mut diagnostics = Vec::new();
    for rule in read.rules {
        let before = diagnostics.len();
        let mut checking = Checking { rule: &rule, diagnostics: &mut diagnostics };
        checking.rule();
        if let Some(known) = set.get(&rule.name).or_else(|| set.rejected.iter().find(|known| known.name == rule.name)) {
            let message = format!("rule `{}` is already defined in {}", rule.name, known.file);
            checking.fault("RULE-0020", rule.span, message, "give it another name");
        }
        let mut faults = diagnostics[before..].iter().filter(|told| told.severity == Severity::Project).peekable();
        if faults.peek().is_none() && !rule.is_faulty {
            set.rules.push(Arc::new(rule));
        } else if !faults.any(|fault| OPEN_TEMPLATE.contains(&fault.code)) {
            set.rejected.push(Arc::new(rule));
        }
    }
    (set, diagnostics)
}

/// The names behind `$` in a text, each once, in order.
#[must_use]
pub fn hole_names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (_, name) in holes_in(text) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The holes of a text, with the places of their `$`.
fn holes_in(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('$').filter_map(|(at, _)| {
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        (end > 0).then_some((at, &rest[..end]))
    })
}

/// The names that a pattern declares by itself: `LEFT|INNER JOIN as $jt`.
fn operator_sets(text: &str) -> impl Iterator<Item = &str> {
    holes_in(text).filter(|(at, _)| text[..*at].trim_end().to_lowercase().ends_with(" join as")).map(|(_, name)| name)
}

struct Checking<'r, 'd> {
    rule: &'r Rule,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl Checking<'_, '_> {
    fn fault(&mut self, code: &'static str, span: Span, message: String, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::project(code, &self.rule.file, span, message).with_help(help));
    }

    /// What every built-in rule owes and a project's own is told of.
    fn owe(&mut self, code: &'static str, span: Span, message: String, help: &str) {
        let file = &self.rule.file;
        let told = if self.rule.is_builtin {
            Diagnostic::project(code, file, span, message)
        } else {
            Diagnostic::note(code, file, span, message)
        };
        self.diagnostics.push(told.with_help(help));
    }

    fn rule(&mut self) {
        let rule = self.rule;
        if rule.doc.is_empty() {
            let message = format!("rule `{}` does not say what it does", rule.name);
            self.fault("RULE-0021", rule.span, message, "add a text in double quotes behind the name");
        }
        match &rule.body {
            Body::Native(native) if !rule.is_builtin => {
                let message = format!("rule `{}` is native (`{native}`), which only built-in rules can be", rule.name);
                self.fault("RULE-0022", rule.span, message, "write `match SQL => SQL`");
            }
            Body::Native(native) if !NATIVES.contains(&&**native) => {
                let message = format!("native rule `{native}` does not exist");
                self.fault("RULE-0023", rule.span, message, help_for(native, NATIVES.iter().copied()));
            }
            Body::Native(_) => {}
            Body::Template { pattern, template, is_both_ways } => self.template(pattern, template, *is_both_ways),
        }
        for guard in &rule.guards {
            self.guard(guard);
        }
        self.cases();
    }

    fn template(&mut self, pattern: &SqlText, template: &SqlText, is_both_ways: bool) {
        let rule = self.rule;
        for side in [pattern, template] {
            if side.text.is_empty() {
                let message = format!("rule `{}` has an empty side", rule.name);
                self.fault("RULE-0026", rule.span, message, "write SQL on both sides of `=>`");
            }
        }
        let fold = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        if fold(&pattern.text) == fold(&template.text) {
            let message = format!("both sides of rule `{}` are the same", rule.name);
            self.fault("RULE-0027", template.span, message, "change one side or delete the rule");
        }
        let sets: Vec<&str> = operator_sets(&pattern.text).collect();
        let is_declared = |name: &str| sets.contains(&name) || rule.holes.iter().any(|hole| *hole.name == *name);
        for side in [pattern, template] {
            let mut told: Vec<&str> = Vec::new();
            for (at, name) in holes_in(&side.text).filter(|(_, name)| !is_declared(name)) {
                if !told.contains(&name) {
                    told.push(name);
                    let message = format!("rule `{}` uses the hole `${name}`, which is not declared", rule.name);
                    self.fault("RULE-0029", hole_span(side, at, name), message, "declare it in `for`");
                }
            }
        }
        self.bound_by(pattern, template, is_declared);
        if is_both_ways {
            self.bound_by(template, pattern, is_declared);
        }
        let used: Vec<String> = [pattern, template].iter().flat_map(|side| hole_names(&side.text)).collect();
        for hole in &rule.holes {
            if !used.iter().any(|name| **name == *hole.name) {
                let message = format!("the hole `${}` is declared and never used", hole.name);
                self.owe("RULE-0038", hole.span, message, "use it, or take it out of `for`");
            }
            let Some(of) = &hole.of else { continue };
            if !rule.holes.iter().any(|table| table.name == *of && table.sort == HoleSort::Table) {
                let message = format!("the hole `${}` is of `{of}`, which is no table hole", hole.name);
                self.fault("RULE-0040", hole.span, message, format!("declare it as in `for {of} table`"));
            }
        }
    }

    /// Each hole of a side that takes the other's place stands in that other.
    fn bound_by(&mut self, from: &SqlText, to: &SqlText, is_declared: impl Fn(&str) -> bool) {
        let found = hole_names(&from.text);
        let mut told: Vec<&str> = Vec::new();
        for (at, name) in holes_in(&to.text).filter(|(_, name)| is_declared(name)) {
            if !found.iter().any(|known| known == name) && !told.contains(&name) {
                told.push(name);
                let rule = &self.rule.name;
                let message = format!("the template of `{rule}` uses `${name}`, which the pattern does not bind");
                self.fault("RULE-0028", hole_span(to, at, name), message, "use it in the pattern");
            }
        }
    }

    fn guard(&mut self, guard: &Guard) {
        let rule = self.rule;
        let Some(known) = GUARDS.iter().find(|known| known.name == &*guard.name) else {
            let message = format!("found the guard `{}`, which does not exist", guard.name);
            let help = help_for(&guard.name, GUARDS.iter().map(|known| known.name));
            self.fault("RULE-0024", guard.span, message, help);
            return;
        };
        let is_hole = |arg: &String| arg.starts_with('$');
        let has_form = match known.form {
            GuardForm::Holes(least) => {
                guard.args.len() >= least
                    && guard.args.iter().all(is_hole)
                    && guard.members.is_empty()
                    && guard.bound.is_none()
            }
            GuardForm::Type => !guard.args.is_empty() && guard.args.iter().all(is_hole) && !guard.members.is_empty(),
            GuardForm::Rows => guard.args == ["input"] && guard.bound.is_some() && guard.members.is_empty(),
        };
        if !has_form {
            let message = format!("the guard `{}` of rule `{}` is written in another way", guard.name, rule.name);
            self.fault("RULE-0036", guard.span, message, format!("write it as in `{}`", known.usage));
        }
        if known.form == GuardForm::Type {
            for word in guard.members.iter().filter(|word| !TYPE_WORDS.contains(&word.as_str())) {
                let message = format!("found the type `{word}`, which no guard knows");
                self.fault("RULE-0035", guard.span, message, help_for(word, TYPE_WORDS.iter().copied()));
            }
        }
        let Body::Template { pattern, .. } = &rule.body else { return };
        let bound = hole_names(&pattern.text);
        for name in guard.args.iter().flat_map(|arg| hole_names(arg)) {
            if !rule.holes.iter().any(|hole| *hole.name == name) {
                let message = format!("the guard `{}` reads the hole `${name}`, which is not declared", guard.name);
                self.fault("RULE-0025", guard.span, message, "declare it in `for`");
            } else if !bound.contains(&name) {
                let message = format!("the guard `{}` reads `${name}`, which the pattern does not bind", guard.name);
                self.fault("RULE-0037", guard.span, message, "use it in the pattern");
            }
        }
    }

    /// Examples and refusals are owed by every rule.
    fn cases(&mut self) {
        let rule = self.rule;
        if rule.examples.is_empty() {
            let message = format!("rule `{}` has no example", rule.name);
            self.owe("RULE-0030", rule.span, message, "add `example \"…\"` with given, input and expect");
        }
        if rule.refusals.len() < rule.guards.len() {
            let (n_guards, n_refusals) = (rule.guards.len(), rule.refusals.len());
            let message = format!("rule `{}` has {n_guards} guards and {n_refusals} refusals", rule.name);
            let help = "add `refuses \"…\"` for each guard, with the wrong answer that it prevents";
            self.owe("RULE-0031", rule.span, message, help);
        }
        if rule.is_builtin && !VERBS.iter().any(|verb| rule.name.starts_with(verb)) {
            let message = format!("the name `{}` does not begin with a verb of the house list", rule.name);
            self.owe("RULE-0032", rule.span, message, "see STYLE.md, names");
        }
        for case in rule.examples.iter().chain(&rule.refusals) {
            if case.input.is_empty() {
                let message = format!("the case \"{}\" of `{}` has no input", case.title, rule.name);
                self.fault("RULE-0033", case.span, message, "add `input SELECT …`");
            }
        }
        // A native rule across models is held to its pipeline, not to a text for each model.
        let is_template = matches!(rule.body, Body::Template { .. });
        for case in rule.examples.iter().filter(|case| is_template && case.expect.len() != case.input.len()) {
            let (n_inputs, n_expects) = (case.input.len(), case.expect.len());
            let message =
                format!("the example \"{}\" has {n_inputs} inputs and {n_expects} expected texts", case.title);
            self.fault("RULE-0034", case.span, message, "add `expect SELECT …` for each input, in the same order");
        }
    }
}

/// Where a hole stands in the file.
fn hole_span(side: &SqlText, at: usize, name: &str) -> Span {
    let start = side.span.start as usize + at;
    Span::new(start, start + 1 + name.len())
}

fn help_for<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(found, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "`isomer rules list` and the tables in LANGUAGE.md list what there is".to_owned(),
    }
}
