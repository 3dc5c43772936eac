//! Texts: one form for the ways to say that a text is, begins with, ends with or holds another.

use isomer_ir::{Arena, DataType, Function, Literal, Scalar, ScalarId};

use super::Switches;
use super::literals::literal_of;

/// A character of a `LIKE` pattern.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Part {
    Many,
    One,
    Char(char),
}

pub(super) fn step(
    arena: &mut Arena,
    function: Function,
    args: &[ScalarId],
    switches: &mut Switches,
) -> Option<ScalarId> {
    let (rule, next) = match function {
        Function::Concat => ("merge-concats", concat(arena, args, switches)),
        Function::Like => ("simplify-like", like(arena, args, switches)),
        Function::StartsWith | Function::EndsWith | Function::Contains => {
            ("convert-prefix-to-like", searched(arena, function, args, switches))
        }
        _ => ("convert-regexp-to-like", regexp(arena, args, switches)),
    };
    switches.fire_if(rule, next)
}

fn text_of(arena: &Arena, id: ScalarId) -> Option<&str> {
    match literal_of(arena, id)? {
        Literal::Text(text) => Some(text),
        _ => None,
    }
}

/// `(x || 'a') || 'b'` is `x || 'ab'`, `x || (y || z)` is `(x || y) || z`, `x || ''` is `x`.
fn concat(arena: &mut Arena, args: &[ScalarId], switches: &Switches) -> Option<ScalarId> {
    let &[left, right] = args else { return None };
    if !switches.is_on("merge-concats") {
        return None;
    }
    let join = |arena: &mut Arena, a: ScalarId, b: ScalarId| arena.call(Function::Concat, [a, b], DataType::Text);
    let parts = |arena: &Arena, id: ScalarId| match &arena[id] {
        Scalar::Call { function: Function::Concat, args, .. } => match args.as_slice() {
            &[a, b] => Some((a, b)),
            _ => None,
        },
        _ => None,
    };
    let is_text = |arena: &Arena, id: ScalarId| arena.type_of(id) == DataType::Text;
    if let Some((first, rest)) = parts(arena, right) {
        let start = join(arena, left, first);
        return Some(join(arena, start, rest));
    }
    if text_of(arena, right) == Some("") && is_text(arena, left) {
        return Some(left);
    }
    if text_of(arena, left) == Some("") && is_text(arena, right) {
        return Some(right);
    }
    let (value, first) = parts(arena, left)?;
    let both = format!("{}{}", text_of(arena, first)?, text_of(arena, right)?);
    let both = arena.text(&both);
    Some(join(arena, value, both))
}

/// A pattern's parts; nothing where its escape stands at the end or before what it does not escape.
fn parts_of(pattern: &str, escape: Option<char>) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let part = match c {
            _ if Some(c) == escape => match chars.next()? {
                escaped if matches!(escaped, '%' | '_') || Some(escaped) == escape => Part::Char(escaped),
                _ => return None,
            },
            '%' => Part::Many,
            '_' => Part::One,
            _ => Part::Char(c),
        };
        if part != Part::Many || parts.last() != Some(&Part::Many) {
            parts.push(part);
        }
    }
    Some(parts)
}

/// A pattern without wildcards is an equality; `%%` is `%`; an escape that escapes nothing is none.
fn like(arena: &mut Arena, args: &[ScalarId], switches: &Switches) -> Option<ScalarId> {
    let (value, pattern, escape) = match *args {
        [value, pattern] => (value, pattern, None),
        [value, pattern, escape] => (value, pattern, Some(escape)),
        _ => return None,
    };
    if !switches.is_on("simplify-like") {
        return None;
    }
    let escape = match escape.map(|escape| text_of(arena, escape).map(str::to_owned)) {
        None => None,
        Some(text) => {
            let text = text?;
            let mut chars = text.chars();
            let first = chars.next();
            if first.is_none() || chars.next().is_some() {
                return None;
            }
            first
        }
    };
    let parts = parts_of(text_of(arena, pattern)?, escape)?;
    if parts.iter().all(|part| matches!(part, Part::Char(_))) {
        let text: String =
            parts.iter().filter_map(|part| if let Part::Char(c) = part { Some(*c) } else { None }).collect();
        let text = arena.text(&text);
        return Some(arena.comparison(Function::Eq, value, text));
    }
    // A backslash escapes in some dialects unless another escape is named, so it is not written bare.
    if parts.iter().any(|part| matches!(part, Part::Char('%' | '_' | '\\'))) {
        return None;
    }
    let text: String = parts
        .iter()
        .map(|part| match part {
            Part::Many => '%',
            Part::One => '_',
            Part::Char(c) => *c,
        })
        .collect();
    if args.len() == 2 && text_of(arena, pattern) == Some(&text) {
        return None;
    }
    let pattern = arena.text(&text);
    Some(arena.predicate(Function::Like, [value, pattern]))
}

/// Whether a text is its own `LIKE` pattern in every dialect.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(['%', '_', '\\'])
}

/// `starts_with(x, 'ab')` is `x LIKE 'ab%'`.
fn searched(arena: &mut Arena, function: Function, args: &[ScalarId], switches: &Switches) -> Option<ScalarId> {
    let &[value, needle] = args else { return None };
    let needle = text_of(arena, needle).filter(|needle| is_plain(needle))?;
    if !switches.is_on("convert-prefix-to-like") {
        return None;
    }
    let pattern = match function {
        Function::StartsWith => format!("{needle}%"),
        Function::EndsWith => format!("%{needle}"),
        _ => format!("%{needle}%"),
    };
    let pattern = arena.text(&pattern);
    Some(arena.predicate(Function::Like, [value, pattern]))
}

/// `left(x, 2) = 'ab'` and `substring(x, 1, 2) = 'ab'` are `x LIKE 'ab%'`; a shorter constant is the
/// whole text.
pub(super) fn unwrap_prefix(
    arena: &mut Arena,
    function: Function,
    left: ScalarId,
    literal: &Literal,
) -> Option<ScalarId> {
    let Literal::Text(text) = literal else { return None };
    if !matches!(function, Function::Eq | Function::NotEq) || !text.is_ascii() || !is_plain(text) {
        return None;
    }
    let number = |id: ScalarId| match literal_of(arena, id)? {
        Literal::Int(value, _) => usize::try_from(*value).ok(),
        _ => None,
    };
    let (value, length) = match &arena[left] {
        Scalar::Call { function: Function::Left, args, .. } => match args.as_slice() {
            &[value, length] => (value, number(length)?),
            _ => return None,
        },
        Scalar::Call { function: Function::Substring, args, .. } => match args.as_slice() {
            &[value, start, length] if number(start) == Some(1) => (value, number(length)?),
            _ => return None,
        },
        _ => return None,
    };
    let found = match text.len().cmp(&length) {
        std::cmp::Ordering::Greater => return None,
        std::cmp::Ordering::Less => {
            let text = arena.text(text);
            return Some(arena.comparison(function, value, text));
        }
        std::cmp::Ordering::Equal => {
            let pattern = arena.text(&format!("{text}%"));
            arena.predicate(Function::Like, [value, pattern])
        }
    };
    Some(if function == Function::Eq { found } else { super::not(arena, found) })
}

/// A regular expression that is a plain text, perhaps behind `^`. `$` stands before a last line end as
/// well in some dialects.
fn regexp(arena: &mut Arena, args: &[ScalarId], switches: &Switches) -> Option<ScalarId> {
    let &[value, pattern] = args else { return None };
    if !switches.is_on("convert-regexp-to-like") {
        return None;
    }
    let pattern = text_of(arena, pattern)?;
    let (needle, is_prefix) = match pattern.strip_prefix('^') {
        Some(needle) => (needle, true),
        None => (pattern, false),
    };
    let is_literal = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | ',' | ':' | '/' | '@');
    if needle.is_empty() || !needle.chars().all(is_literal) {
        return None;
    }
    let pattern = if is_prefix { format!("{needle}%") } else { format!("%{needle}%") };
    let pattern = arena.text(&pattern);
    Some(arena.predicate(Function::Like, [value, pattern]))
}
