//! Calls of `smelt.ref` and `smelt.source` in a model's text, compiled to tables.
//!
//! `smelt.ref('m')` becomes `m`; with `filter => e` or `limit => n` it becomes
//! `(SELECT * FROM m WHERE e LIMIT n) AS m`. Lines stay what they are, and columns too where the
//! compiled text is no longer than the call.

use std::ops::Range;
use std::sync::Arc;

use isomer_ir::{Diagnostic, Dialect, Span};
use sqlparser::keywords::RESERVED_FOR_TABLE_ALIAS;
use sqlparser::tokenizer::Token;

use super::name::sql_name;

/// Calls in a filter of a call in a filter… are followed this deep.
const MAX_DEPTH: usize = 8;
const KNOWN: &str = "known are `smelt.ref('model', filter => …, limit => …)` and `smelt.source('s.t')`";

/// The text with its calls compiled, or the calls that are not understood.
pub(crate) fn compile(text: &str, source: &Arc<str>, dialect: Dialect) -> Result<String, Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let compiled = compile_within(text, 0..text.len(), dialect, MAX_DEPTH, &mut faults);
    if faults.is_empty() {
        return Ok(compiled);
    }
    let fault = |Fault { span, message, .. }| Diagnostic::model("PRJ-0018", source, span, message).with_help(KNOWN);
    Err(faults.into_iter().map(fault).collect())
}

/// A call that is not understood.
struct Fault {
    span: Span,
    message: String,
    /// Where reading goes on; looking at a call's inside again would take quadratic time.
    resume: usize,
}

/// Compiles a range of a text.
fn compile_within(text: &str, range: Range<usize>, dialect: Dialect, depth: usize, faults: &mut Vec<Fault>) -> String {
    let mut compiled = String::with_capacity(range.len());
    let (mut copied, mut at) = (range.start, range.start);
    while at < range.end {
        let next = skip_token(&text[..range.end], at);
        let is_call = &text[at..next] == "smelt" && text[next..].starts_with('.') && !ends_name(&text[..at]);
        at = match is_call.then(|| read_call(&text[..range.end], at, next + 1, depth)) {
            None | Some(Ok(None)) => next,
            Some(Ok(Some(call))) => {
                compiled.push_str(&text[copied..at]);
                let mut inside = |value: Range<usize>| compile_within(text, value, dialect, depth - 1, faults);
                let (filter, limit) = (call.filter.clone().map(&mut inside), call.limit.clone().map(&mut inside));
                let written = &text[at..call.end];
                compiled.push_str(&call_sql(&call, filter, limit, written, &text[call.end..], dialect));
                copied = call.end;
                call.end
            }
            Some(Err(fault)) => {
                let resume = fault.resume;
                faults.push(fault);
                resume
            }
        };
    }
    compiled.push_str(&text[copied..range.end]);
    compiled
}

struct Call<'a> {
    name: &'a str,
    filter: Option<Range<usize>>,
    limit: Option<Range<usize>>,
    end: usize,
}

/// `at` is where the call begins, `function` where its function's name does; no call when no `(`
/// follows (a table of a schema `smelt`).
fn read_call(text: &str, at: usize, function: usize, depth: usize) -> Result<Option<Call<'_>>, Fault> {
    let open = skip_token(text, function);
    let word = &text[function..open];
    let whole = Span::new(at, open);
    if !text[open..].starts_with('(') {
        return Ok(None);
    }
    if !matches!(word, "ref" | "source") {
        let message = format!("found `smelt.{word}`, which is not understood");
        return Err(Fault { span: whole, message, resume: open });
    }
    let Some((arguments, end)) = arguments(text, open + 1) else {
        let message = format!("found no end of `smelt.{word}(`");
        return Err(Fault { span: whole, message, resume: text.len() });
    };
    let fault =
        |span: Range<usize>, message: String| Fault { span: Span::new(span.start, span.end), message, resume: end };
    if depth == 0 {
        return Err(fault(at..open, format!("found `smelt.{word}` in {MAX_DEPTH} other calls, expected fewer")));
    }
    let mut arguments = arguments.into_iter();
    let place = arguments.next().unwrap_or(open + 1..open + 1);
    let first = text[place.clone()].trim();
    let name = first.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let Some(name) = name.filter(|name| !name.is_empty() && !name.contains('\'')) else {
        return Err(fault(place, format!("found `{first}` in `smelt.{word}`, expected a quoted name")));
    };
    let mut call = Call { name, filter: None, limit: None, end };
    for place in arguments {
        let argument = &text[place.clone()];
        let key = argument.split("=>").next().unwrap_or_default();
        let value = (place.start + key.len() + "=>".len()).min(place.end)..place.end;
        let slot = match key.trim() {
            "filter" => &mut call.filter,
            "limit" => &mut call.limit,
            other => {
                return Err(fault(
                    place.clone(),
                    format!("found parameter `{other}` of `smelt.{word}`, which is not understood"),
                ));
            }
        };
        if slot.is_some() || text[value.clone()].trim().is_empty() {
            return Err(fault(place.clone(), format!("found `{}`, expected one value", argument.trim())));
        }
        *slot = Some(value);
    }
    Ok(Some(call))
}

/// The arguments of a call whose `(` stands before `from`, split at its commas, and where it ends.
fn arguments(text: &str, from: usize) -> Option<(Vec<Range<usize>>, usize)> {
    let mut arguments = Vec::new();
    let mut depth = 0_usize;
    let mut start = from;
    let mut at = from;
    while at < text.len() {
        let next = skip_token(text, at);
        match &text[at..next] {
            "(" | "[" | "{" => depth += 1,
            ")" if depth == 0 => {
                arguments.push(start..at);
                return Some((arguments, next));
            }
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                arguments.push(start..at);
                start = next;
            }
            _ => {}
        }
        at = next;
    }
    None
}

fn call_sql(
    call: &Call<'_>,
    filter: Option<String>,
    limit: Option<String>,
    written: &str,
    rest: &str,
    dialect: Dialect,
) -> String {
    let name = sql_name(call.name, dialect);
    let lines = |text: &str| text.matches('\n').count();
    if filter.is_none() && limit.is_none() {
        let mut sql = name.to_string();
        sql.push_str(&"\n".repeat(lines(written)));
        if lines(written) == 0 {
            sql.push_str(&" ".repeat(written.len().saturating_sub(sql.len())));
        }
        return sql;
    }
    let kept: usize = filter.iter().chain(&limit).map(|value| lines(value)).sum();
    let mut sql = format!("(SELECT * FROM {name}{}", "\n".repeat(lines(written).saturating_sub(kept)));
    // The values are copied with the blanks around them: one may end in a line comment.
    for (word, value) in [(" WHERE", filter), (" LIMIT", limit)] {
        if let Some(value) = value {
            sql.push_str(word);
            sql.push_str(&value);
        }
    }
    sql.push(')');
    if !has_alias(rest) {
        let last = call.name.rsplit('.').next().unwrap_or(call.name);
        sql.push_str(&format!(" AS {}", sql_name(last, dialect)));
    }
    sql
}

/// Whether an alias follows.
fn has_alias(rest: &str) -> bool {
    let mut at = 0;
    while at < rest.len() {
        let next = skip_token(rest, at);
        let token = &rest[at..next];
        at = next;
        if token.trim().is_empty() || token.starts_with("--") || token.starts_with("/*") {
            continue;
        }
        if token.starts_with(['"', '`']) {
            return true;
        }
        if !token.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return false;
        }
        return match Token::make_word(token, None) {
            Token::Word(word) => !RESERVED_FOR_TABLE_ALIAS.contains(&word.keyword),
            _ => false,
        };
    }
    false
}

/// Whether a name or a dot ends the text, so that what follows belongs to it.
pub(crate) fn ends_name(text: &str) -> bool {
    text.ends_with(|c: char| c == '.' || c == '_' || c.is_alphanumeric())
}

/// The end of the token at `at`: a comment, a quoted text, a word, a run of blanks, or one character.
pub(crate) fn skip_token(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let Some(first) = rest.chars().next() else { return at };
    let run = |is_in: fn(char) -> bool| rest.find(|c| !is_in(c)).map_or(text.len(), |end| at + end);
    if rest.starts_with("--") {
        return rest.find('\n').map_or(text.len(), |end| at + end);
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(text.len(), |end| at + end + 2);
    }
    if matches!(first, '\'' | '"' | '`') {
        // A doubled quote ends one text and begins the next, which comes to the same.
        return rest[1..].find(first).map_or(text.len(), |end| at + end + 2);
    }
    if first.is_alphanumeric() || first == '_' {
        return run(|c| c.is_alphanumeric() || c == '_');
    }
    if first.is_whitespace() {
        return run(char::is_whitespace);
    }
    at + first.len_utf8()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isomer_ir::Dialect;

    use super::compile;

    #[test]
    fn calls() {
        let cases = [
            ("SELECT * FROM smelt.ref('orders')", Ok("SELECT * FROM orders             ")),
            ("SELECT o.a FROM smelt.ref('orders') o", Ok("SELECT o.a FROM orders              o")),
            ("FROM smelt.source('raw.users')", Ok("FROM raw.users                ")),
            (
                "FROM smelt.ref('e', filter => kind = 'a, (b', limit => 5) WHERE x",
                Ok("FROM (SELECT * FROM e WHERE kind = 'a, (b' LIMIT 5) AS e WHERE x"),
            ),
            ("FROM smelt.ref('e', limit => 5) AS x", Ok("FROM (SELECT * FROM e LIMIT 5) AS x")),
            ("FROM smelt.ref('e', limit => 5) x JOIN", Ok("FROM (SELECT * FROM e LIMIT 5) x JOIN")),
            (
                "FROM smelt.ref('e',\n  filter => f(a, b) -- why\n)\nLEFT JOIN t",
                Ok("FROM (SELECT * FROM e\n WHERE f(a, b) -- why\n) AS e\nLEFT JOIN t"),
            ),
            (
                "FROM smelt.ref('e', filter => id IN (SELECT id FROM smelt.ref('f', limit => 1))) e",
                Ok("FROM (SELECT * FROM e WHERE id IN (SELECT id FROM (SELECT * FROM f LIMIT 1) AS f)) e"),
            ),
            // In texts, comments and longer names nothing is a call.
            ("SELECT 'smelt.ref(''x'')' -- smelt.ref('y')", Ok("SELECT 'smelt.ref(''x'')' -- smelt.ref('y')")),
            ("FROM smelt.orders", Ok("FROM smelt.orders")),
            ("SELECT a.smelt.ref, smelter.x", Ok("SELECT a.smelt.ref, smelter.x")),
            ("SELECT smelt.metric('m')", Err("found `smelt.metric`, which is not understood")),
            ("FROM smelt.ref(orders)", Err("found `orders` in `smelt.ref`, expected a quoted name")),
            (
                "FROM smelt.ref('o', default => 1)",
                Err("found parameter `default` of `smelt.ref`, which is not understood"),
            ),
            ("FROM smelt.ref('o', limit => 1, limit => 2)", Err("found `limit => 2`, expected one value")),
            ("FROM smelt.ref('o'", Err("found no end of `smelt.ref(`")),
            ("FROM smelt.ref('ö', limit =>", Err("found no end of `smelt.ref(`")),
        ];
        for (text, expect) in cases {
            let found = compile(text, &Arc::from("m.sql"), Dialect::DuckDb);
            let found = found.map_err(|faults| faults[0].message.clone());
            assert_eq!(found, expect.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn endless_calls_end_soon() {
        let open = "smelt.ref('a'".repeat(20_000);
        let nested = "smelt.ref('a', filter => ".repeat(20_000) + &")".repeat(20_000);
        for text in [open, nested] {
            let faults = compile(&text, &Arc::from("m.sql"), Dialect::DuckDb).unwrap_err();
            assert_eq!(faults.len(), 1);
        }
    }
}
