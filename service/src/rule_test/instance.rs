//! Instances of a template: cases in which columns of every type, and constants, stand for its holes.
//!
//! An instance counts when the rule fires on it, so that guards are asked the way a project asks
//! them. Templates of relations have their own cases to be tried on.

use std::sync::Arc;

use isomer_ir::Span;
use isomer_rules::{Body, Case, Compiled, GivenColumn, GivenTable, Hole, HoleSort, ModelText, Rule, SqlText};

/// Types that columns for holes are tried with.
const TYPES: [&str; 8] = ["int", "bigint", "double", "decimal(4, 2)", "text", "boolean", "date", "timestamp"];
/// Constants that stand for literal holes.
const LITERALS: [&str; 8] = ["0", "1", "(-1)", "2024", "1.5", "'a'", "''", "DATE '2024-01-01'"];
/// Instances that are tried at most; each type alone comes first.
const MAX_INSTANCES: usize = 160;

/// The instances of a rule's template; none for native rules and relations.
pub(super) fn instances(rule: &Rule, compiled: &Compiled) -> Vec<Case> {
    let (Body::Template { pattern, template, .. }, Some(contexts)) = (&rule.body, contexts(compiled)) else {
        return Vec::new();
    };
    let mut cases = Vec::new();
    for values in assignments(&rule.holes) {
        for is_not_null in [false, true] {
            for context in contexts {
                let case = instance(&rule.holes, &values, [pattern, template], is_not_null, context);
                cases.extend(case);
            }
        }
    }
    cases
}

/// Queries in which a template's text stands for `$`.
fn contexts(compiled: &Compiled) -> Option<&'static [&'static str]> {
    match compiled {
        Compiled::Scalar { is_holds_only: true, .. } => Some(&["SELECT id FROM t WHERE $"]),
        Compiled::Scalar { is_holds_only: false, .. } => {
            Some(&["SELECT id, $ AS v FROM t", "SELECT id FROM t WHERE $"])
        }
        Compiled::Aggregate { .. } => Some(&["SELECT g, $ AS v FROM t GROUP BY g", "SELECT $ AS v FROM t"]),
        Compiled::Native | Compiled::Relation { .. } => None,
    }
}

/// For each hole a type or a constant: every type for all holes, then every mixture up to a bound.
fn assignments(holes: &[Hole]) -> Vec<Vec<&'static str>> {
    let choices: Vec<&[&'static str]> = holes
        .iter()
        .map(|hole| match hole.sort {
            HoleSort::Literal => LITERALS.as_slice(),
            HoleSort::Predicate => &["boolean"],
            HoleSort::Table | HoleSort::Columns | HoleSort::Column | HoleSort::Expr | HoleSort::Aggregate => {
                TYPES.as_slice()
            }
        })
        .collect();
    let mut all: Vec<Vec<&str>> =
        (0..TYPES.len()).map(|i| choices.iter().map(|choice| choice[i % choice.len()]).collect()).collect();
    let n_mixtures = choices.iter().map(|choice| choice.len()).try_fold(1_usize, usize::checked_mul);
    for mut n in 0..n_mixtures.unwrap_or(usize::MAX).min(MAX_INSTANCES) {
        let mixture: Vec<&str> = choices
            .iter()
            .map(|choice| {
                let value = choice[n % choice.len()];
                n /= choice.len();
                value
            })
            .collect();
        all.push(mixture);
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|values| seen.insert(values.clone()));
    all.truncate(MAX_INSTANCES);
    all
}

fn instance(holes: &[Hole], values: &[&str], sides: [&SqlText; 2], is_not_null: bool, context: &str) -> Option<Case> {
    let column = |name: &str, type_name: &str, is_key: bool, is_not_null: bool| GivenColumn {
        name: Arc::from(name),
        type_name: type_name.to_owned(),
        is_key,
        is_not_null,
        references: None,
    };
    let mut columns = vec![column("id", "int", true, false), column("g", "int", false, false)];
    let mut replacements: Vec<(String, String)> = Vec::new();
    for (i, (hole, value)) in holes.iter().zip(values).enumerate() {
        let text = match hole.sort {
            HoleSort::Literal => (*value).to_owned(),
            HoleSort::Aggregate => {
                columns.push(column(&format!("c{i}"), value, false, is_not_null));
                format!("max(c{i})")
            }
            HoleSort::Predicate | HoleSort::Expr | HoleSort::Column => {
                columns.push(column(&format!("c{i}"), value, false, is_not_null));
                format!("c{i}")
            }
            HoleSort::Table | HoleSort::Columns => return None,
        };
        replacements.push((hole.name.to_string(), text));
    }
    let text = |side: &SqlText| {
        let side = side.text.trim();
        let is_where = side.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("where "));
        let side = if is_where { side[6..].trim() } else { side };
        let side = replaced(side, &replacements);
        context.replace('$', &if context.ends_with('$') { side } else { format!("({side})") })
    };
    let model =
        |side: &SqlText| ModelText { name: Arc::from("m1"), sql: SqlText { text: text(side), span: Span::default() } };
    Some(Case {
        title: String::new(),
        given: vec![GivenTable { name: Arc::from("t"), columns, rows: None, n_rows: Some(1e9) }],
        input: vec![model(sides[0])],
        expect: vec![model(sides[1])],
        wrong: None,
        span: Span::default(),
    })
}

/// The text with values in place of `$holes`.
fn replaced(text: &str, replacements: &[(String, String)]) -> String {
    let mut parts = text.split('$');
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
        let value = replacements.iter().find(|(name, _)| *name == part[..end]);
        result.push_str(value.map_or(&part[..end], |(_, value)| value));
        result.push_str(&part[end..]);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn holes_are_whole_words() {
        let replacements = [("x".to_owned(), "c0".to_owned()), ("xs".to_owned(), "c1".to_owned())];
        assert_eq!(replaced("$x + $xs < f($x)", &replacements), "c0 + c1 < f(c0)");
    }
}
