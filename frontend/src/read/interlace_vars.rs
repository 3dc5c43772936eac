//! Variables of an Interlace project: `var('name')` in a model's text, put in as literals.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Span};

use super::smelt_calls::{ends_name, skip_token};
use super::yaml::{Entry, Node, Reading, did_you_mean};

/// A variable and its literal in SQL.
#[derive(Debug)]
pub(crate) struct Variable {
    name: String,
    literal: String,
}

/// Reads `vars: {name: {type: date, value: "2024-01-01"}}`.
pub(crate) fn variables(node: &Node, reading: &mut Reading<'_>) -> Vec<Variable> {
    let mut variables = Vec::new();
    for Entry { key: name, node, span } in reading.entries("vars", node) {
        let (mut kind, mut value) = (None, None);
        for Entry { key, node, .. } in reading.entries("a variable", node) {
            match key.as_str() {
                "type" => kind = reading.text(key, node),
                "value" => value = reading.text(key, node),
                _ => {}
            }
        }
        let (Some(kind), Some(value)) = (kind, value) else {
            reading.fault("PRJ-0005", *span, format!("found variable `{name}` without `type` and `value`"));
            continue;
        };
        let quoted = format!("'{}'", value.replace('\'', "''"));
        let is_number = value.parse::<f64>().is_ok_and(f64::is_finite);
        let literal = match kind.as_str() {
            "string" => quoted,
            "int" | "float" if is_number => value,
            "bool" if matches!(value.as_str(), "true" | "false") => value,
            "date" => format!("DATE {quoted}"),
            "timestamp" => format!("TIMESTAMP {quoted}"),
            _ => {
                let message = format!("found `{value}` as a variable of type `{kind}`");
                let help = did_you_mean(&kind, ["string", "int", "float", "bool", "date", "timestamp"]);
                reading.fault_with("PRJ-0005", *span, message, help);
                continue;
            }
        };
        variables.push(Variable { name: name.clone(), literal });
    }
    variables
}

/// The text with literals in the place of variables; none where it has no variable.
pub(crate) fn with_values(text: &str, variables: &[Variable], source: &Arc<str>) -> Result<Option<String>, Diagnostic> {
    let mut filled = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < text.len() {
        let next = skip_token(text, at);
        let call = text[at..next].eq_ignore_ascii_case("var") && !ends_name(&text[..at]);
        let Some((name, end)) = call.then(|| only_text(text, next)).flatten() else {
            at = next;
            continue;
        };
        let Some(variable) = variables.iter().find(|variable| variable.name == name) else {
            let message = format!("found `var('{name}')`, which `interlace.yaml` does not declare");
            let help = did_you_mean(name, variables.iter().map(|variable| variable.name.as_str()));
            return Err(Diagnostic::model("PRJ-0018", source, Span::new(at, end), message).with_help(help));
        };
        filled.push_str(&text[copied..at]);
        filled.push_str(&variable.literal);
        (copied, at) = (end, end);
    }
    if copied == 0 {
        return Ok(None);
    }
    filled.push_str(&text[copied..]);
    Ok(Some(filled))
}

/// The one quoted argument of a call whose `(` follows at `at`, and the end of the call.
fn only_text(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = text[at..].trim_start();
    let open = text.len() - rest.len();
    let inside = &rest.strip_prefix('(')?;
    let close = inside.find(')')?;
    let name = inside[..close].trim().strip_prefix('\'')?.strip_suffix('\'')?;
    (!name.contains('\'')).then_some((name, open + 1 + close + 1))
}
