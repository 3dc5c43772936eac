//! The forms of one rule: `<=>` runs both ways, and `LEFT|INNER JOIN as $jt` stands for each kind of
//! join in turn, the same on both sides.

use std::sync::Arc;

use isomer_ir::Diagnostic;
use isomer_rules::{Body, Rule, SqlText};

use crate::template::fault;

/// The kinds of join that a set may name.
const KINDS: [&str; 5] = ["INNER", "LEFT", "RIGHT", "FULL", "CROSS"];

/// One form of a rule.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// What is found.
    pub(crate) pattern: SqlText,
    /// What takes its place.
    pub(crate) template: SqlText,
    /// Which form it is, in words; nothing where the rule has one only.
    pub(crate) note: Option<Arc<str>>,
}

/// Every form of a rule; none for a native one.
pub(crate) fn ways(rule: &Rule, is_relation: bool) -> Result<Vec<Way>, Box<Diagnostic>> {
    let Body::Template { pattern, template, is_both_ways } = &rule.body else { return Ok(Vec::new()) };
    if *is_both_ways && !is_relation {
        let message = format!("rule `{}` rewrites an expression both ways, which would undo itself", rule.name);
        let help = "expressions keep one form: write `=>` towards the one that is to stand";
        return Err(fault(rule, template, "RULE-0053", message, help));
    }
    let mut ways = vec![Way { pattern: pattern.clone(), template: template.clone(), note: None }];
    while let Some(position) = ways.iter().position(|way| set_in(&way.pattern.text).is_some()) {
        let way = ways.remove(position);
        let Some(set) = set_in(&way.pattern.text) else { break };
        for kind in &set.kinds {
            if !KINDS.contains(&kind.as_str()) {
                let message = format!("found `{kind}` in a set of joins, expected some of {}", KINDS.join(", "));
                return Err(fault(rule, pattern, "RULE-0052", message, "write as in `LEFT|INNER JOIN as $jt`"));
            }
            ways.push(form(&way, &set, kind));
        }
    }
    if *is_both_ways {
        let back = |way: &Way| Way {
            pattern: way.template.clone(),
            template: way.pattern.clone(),
            note: Some(noted(way.note.as_ref(), "from right to left")),
        };
        let reversed: Vec<Way> = ways.iter().map(back).collect();
        for way in &mut ways {
            way.note = Some(noted(way.note.as_ref(), "from left to right"));
        }
        ways.extend(reversed);
    }
    Ok(ways)
}

fn noted(before: Option<&Arc<str>>, note: &str) -> Arc<str> {
    before.map_or_else(|| Arc::from(note), |before| Arc::from(format!("{before}, {note}")))
}

/// `LEFT|INNER JOIN as $jt` in a pattern.
struct Set {
    start: usize,
    end: usize,
    kinds: Vec<String>,
    /// With `$`.
    name: String,
}

fn set_in(text: &str) -> Option<Set> {
    let upper = text.to_ascii_uppercase();
    let join = upper.match_indices(" JOIN AS $").map(|(at, _)| at).find(|&at| {
        let word = upper[..at].rsplit(char::is_whitespace).next().unwrap_or_default();
        !word.is_empty()
    })?;
    let start = upper[..join].rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let name_start = join + " JOIN AS ".len();
    let rest = &text[name_start + 1..];
    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let end = name_start + 1 + length;
    Some(Set {
        start,
        end,
        kinds: upper[start..join].split('|').map(str::to_owned).collect(),
        name: text[name_start..end].to_owned(),
    })
}

fn form(way: &Way, set: &Set, kind: &str) -> Way {
    let text = &way.pattern.text;
    let pattern = format!("{}{kind} JOIN{}", &text[..set.start], &text[set.end..]);
    let template = way.template.text.replace(&format!("{} JOIN", set.name), &format!("{kind} JOIN"));
    Way {
        pattern: SqlText { text: pattern, span: way.pattern.span },
        template: SqlText { text: template, span: way.template.span },
        note: Some(noted(way.note.as_ref(), &format!("to {} {kind} JOIN", if kind == "INNER" { "an" } else { "a" }))),
    }
}
