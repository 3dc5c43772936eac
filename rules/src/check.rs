//! Static checks of rules, each with a code; across files for names.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Severity, nearest};

use crate::rule::{Body, Rule, RuleSet};
use crate::vocabulary::{GUARDS, NATIVES, VERBS};

/// Checks rules and makes a set of those that are sound to load. Built-in rules come first; a rule
/// with a fault is left out and told.
#[must_use]
pub fn check(rules: Vec<Rule>) -> (RuleSet, Vec<Diagnostic>) {
    let mut set = RuleSet::default();
    let mut diagnostics = Vec::new();
    for rule in rules {
        let before = diagnostics.len();
        check_rule(&rule, &mut diagnostics);
        if let Some(known) = set.get(&rule.name) {
            let message = format!("rule `{}` is already defined in {}", rule.name, known.file);
            diagnostics.push(
                Diagnostic::project("RULE-0020", &rule.file, rule.span, message).with_help("give it another name"),
            );
        }
        let has_fault = diagnostics[before..].iter().any(|diagnostic| diagnostic.severity == Severity::Project);
        if !has_fault {
            set.rules.push(Arc::new(rule));
        }
    }
    (set, diagnostics)
}

fn check_rule(rule: &Rule, diagnostics: &mut Vec<Diagnostic>) {
    let mut add = |code: &'static str, message: String, help: String| {
        diagnostics.push(Diagnostic::project(code, &rule.file, rule.span, message).with_help(help));
    };
    if rule.doc.is_empty() {
        add(
            "RULE-0021",
            format!("rule `{}` does not say what it does", rule.name),
            "add a text in double quotes behind the name".to_owned(),
        );
    }
    match &rule.body {
        Body::Native(native) => {
            if !rule.is_builtin {
                add(
                    "RULE-0022",
                    format!("rule `{}` is native, which only built-in rules can be", rule.name),
                    "write `match SQL => SQL`".to_owned(),
                );
            } else if !NATIVES.contains(&&**native) {
                add(
                    "RULE-0023",
                    format!("native rule `{native}` does not exist"),
                    help_for(native, NATIVES.iter().copied()),
                );
            }
        }
        Body::Template { pattern, template } => check_template(rule, &pattern.text, &template.text, &mut add),
    }
    for guard in &rule.guards {
        if !GUARDS.iter().any(|known| known.name == &*guard.name) {
            let help = help_for(&guard.name, GUARDS.iter().map(|known| known.name));
            diagnostics.push(
                Diagnostic::project(
                    "RULE-0024",
                    &rule.file,
                    guard.span,
                    format!("found the guard `{}`, which does not exist", guard.name),
                )
                .with_help(help),
            );
        }
        let is_template = matches!(rule.body, Body::Template { .. });
        for name in guard.args.iter().flat_map(|arg| hole_names(arg)) {
            if is_template && !rule.holes.iter().any(|hole| *hole.name == name) {
                diagnostics.push(
                    Diagnostic::project(
                        "RULE-0025",
                        &rule.file,
                        guard.span,
                        format!("the guard `{}` reads the hole `${name}`, which is not declared", guard.name),
                    )
                    .with_help("declare it in `for`"),
                );
            }
        }
    }
    check_cases(rule, diagnostics);
}

fn check_template(rule: &Rule, pattern: &str, template: &str, add: &mut dyn FnMut(&'static str, String, String)) {
    if pattern.is_empty() || template.is_empty() {
        add(
            "RULE-0026",
            format!("rule `{}` has an empty side", rule.name),
            "write SQL on both sides of `=>`".to_owned(),
        );
    }
    let fold = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    if fold(pattern) == fold(template) {
        add(
            "RULE-0027",
            format!("both sides of rule `{}` are the same", rule.name),
            "change one side or delete the rule".to_owned(),
        );
    }
    let found = hole_names(pattern);
    for name in hole_names(template) {
        if !found.contains(&name) {
            add(
                "RULE-0028",
                format!("the template of `{}` uses `${name}`, which the pattern does not bind", rule.name),
                "use it in the pattern".to_owned(),
            );
        }
    }
    for name in &found {
        if !rule.holes.iter().any(|hole| *hole.name == **name) {
            add(
                "RULE-0029",
                format!("rule `{}` uses the hole `${name}`, which is not declared", rule.name),
                "declare it in `for`".to_owned(),
            );
        }
    }
}

/// The names behind `$` in a text, each once, in order.
#[must_use]
pub fn hole_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.split('$').skip(1) {
        let end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
        let name = part[..end].to_owned();
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Examples and refusals are owed by every rule: built-in ones cannot load without, a project's own
/// are told.
fn check_cases(rule: &Rule, diagnostics: &mut Vec<Diagnostic>) {
    let mut owe = |code: &'static str, message: String, help: &str| {
        let diagnostic = if rule.is_builtin {
            Diagnostic::project(code, &rule.file, rule.span, message)
        } else {
            Diagnostic::note(code, &rule.file, rule.span, message)
        };
        diagnostics.push(diagnostic.with_help(help));
    };
    if rule.examples.is_empty() {
        owe(
            "RULE-0030",
            format!("rule `{}` has no example", rule.name),
            "add `example \"…\"` with given, input and expect",
        );
    }
    if rule.refusals.len() < rule.guards.len() {
        let message =
            format!("rule `{}` has {} guards and {} refusals", rule.name, rule.guards.len(), rule.refusals.len());
        owe("RULE-0031", message, "add `refuses \"…\"` for each guard, with the wrong answer that it prevents");
    }
    if rule.is_builtin && !VERBS.iter().any(|verb| rule.name.starts_with(verb)) {
        owe(
            "RULE-0032",
            format!("the name `{}` does not begin with a verb of the house list", rule.name),
            "see STYLE.md, names",
        );
    }
    for case in rule.examples.iter().chain(&rule.refusals) {
        if case.input.is_empty() {
            let message = format!("the case \"{}\" of `{}` has no input", case.title, rule.name);
            diagnostics.push(
                Diagnostic::project("RULE-0033", &rule.file, case.span, message).with_help("add `input SELECT …`"),
            );
        }
    }
}

fn help_for<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(found, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "`isomer rules list` and the guard table in docs/rule-language.md list what there is".to_owned(),
    }
}
