//! Functions of texts. Lengths and positions count characters (code points) from 1.

use std::sync::Arc;

use super::cast::cast;
use super::{Cell, DOMAIN, EvalError, Value};
use crate::{DataType, Function};

const UNLIKE: EvalError = EvalError::Unsupported("a text function over this type");
/// Characters beyond which padding and repeating are left to engines.
const MAX_LENGTH: usize = 10_000;

/// A strict function of texts; no argument is NULL.
pub(super) fn text(function: Function, args: &[Value]) -> Cell {
    let subject = text_at(args, 0)?;
    let made = match function {
        Function::Upper => subject.chars().map(|c| single(c, c.to_uppercase())).collect(),
        Function::Lower => subject.chars().map(|c| single(c, c.to_lowercase())).collect(),
        Function::Trim | Function::LTrim | Function::RTrim => trimmed(function, args)?,
        Function::Substring => substring(args)?,
        Function::Replace => {
            let (from, to) = (text_at(args, 1)?, text_at(args, 2)?);
            if from.is_empty() { subject.to_string() } else { subject.replace(&*from, &to) }
        }
        Function::Left | Function::Right => side(function, &subject, number_at(args, 1)?),
        Function::LPad | Function::RPad => padded(function, &subject, number_at(args, 1)?, &text_at(args, 2)?)?,
        // Engines keep the marks of one letter together.
        Function::Reverse if subject.chars().any(|c| c >= '\u{300}') => {
            return Err(EvalError::Unsupported("reverse of this text"));
        }
        Function::Reverse => subject.chars().rev().collect(),
        Function::Repeat => {
            let n = usize::try_from(number_at(args, 1)?.max(0)).map_err(|_| DOMAIN)?;
            if n.saturating_mul(subject.len()) > MAX_LENGTH {
                return Err(EvalError::Unsupported("a text of this length"));
            }
            subject.repeat(n)
        }
        Function::SplitPart => split_part(&subject, &text_at(args, 1)?, number_at(args, 2)?)?,
        Function::Length => return Ok(number(subject.chars().count())),
        Function::Position => {
            let found = subject.find(&*text_at(args, 1)?);
            return Ok(number(found.map_or(0, |at| subject[..at].chars().count() + 1)));
        }
        Function::StartsWith => return Ok(Value::Boolean(subject.starts_with(&*text_at(args, 1)?))),
        Function::EndsWith => return Ok(Value::Boolean(subject.ends_with(&*text_at(args, 1)?))),
        Function::Contains => return Ok(Value::Boolean(subject.contains(&*text_at(args, 1)?))),
        Function::Like | Function::ILike => return like(function, args),
        _ => return Err(EvalError::Unsupported(function.name())),
    };
    Ok(Value::Text(Arc::from(made)))
}

/// The arguments put together; of each its text.
pub(super) fn concatenated<'a>(args: impl Iterator<Item = &'a Value>, separator: &str) -> Cell {
    let mut parts: Vec<Arc<str>> = Vec::new();
    for arg in args {
        match cast(arg.clone(), DataType::Text)? {
            Value::Text(text) => parts.push(text),
            _ => return Err(UNLIKE),
        }
    }
    Ok(Value::Text(Arc::from(parts.join(separator))))
}

/// One letter for one letter, as engines map them; what would become several stays.
fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn text_at(args: &[Value], at: usize) -> Result<Arc<str>, EvalError> {
    match args.get(at) {
        Some(Value::Text(text)) => Ok(Arc::clone(text)),
        _ => Err(UNLIKE),
    }
}

fn number_at(args: &[Value], at: usize) -> Result<i128, EvalError> {
    match args.get(at) {
        Some(Value::Int(value)) => Ok(*value),
        _ => Err(UNLIKE),
    }
}

fn number(value: usize) -> Value {
    Value::Int(value as i128)
}

fn trimmed(function: Function, args: &[Value]) -> Result<String, EvalError> {
    let subject = text_at(args, 0)?;
    let set = if args.len() > 1 { text_at(args, 1)? } else { Arc::from(" ") };
    let is_cut = |c: char| set.contains(c);
    let cut = match function {
        Function::LTrim => subject.trim_start_matches(is_cut),
        Function::RTrim => subject.trim_end_matches(is_cut),
        _ => subject.trim_matches(is_cut),
    };
    Ok(cut.to_owned())
}

fn substring(args: &[Value]) -> Result<String, EvalError> {
    let (subject, start) = (text_at(args, 0)?, number_at(args, 1)?);
    let length = if args.len() > 2 { number_at(args, 2)? } else { i128::MAX };
    if start < 1 || length < 0 {
        return Err(EvalError::Unsupported("a substring from before the start, or of negative length"));
    }
    let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
    Ok(subject.chars().skip(skip).take(usize::try_from(length).unwrap_or(usize::MAX)).collect())
}

/// `left` and `right`; a negative number leaves so many characters out.
fn side(function: Function, subject: &str, n: i128) -> String {
    let length = subject.chars().count() as i128;
    let kept = if n < 0 { (length + n).max(0) } else { n.min(length) };
    let skip = if function == Function::Left { 0 } else { length - kept };
    let size = |n: i128| usize::try_from(n).unwrap_or(0);
    subject.chars().skip(size(skip)).take(size(kept)).collect()
}

fn padded(function: Function, subject: &str, n: i128, fill: &str) -> Result<String, EvalError> {
    let n = usize::try_from(n.max(0)).map_err(|_| DOMAIN)?;
    let length = subject.chars().count();
    if n > MAX_LENGTH {
        return Err(EvalError::Unsupported("a text of this length"));
    }
    if n <= length {
        return Ok(subject.chars().take(n).collect());
    }
    if fill.is_empty() {
        return Err(EvalError::Unsupported("padding with an empty text"));
    }
    let padding: String = fill.chars().cycle().take(n - length).collect();
    Ok(if function == Function::LPad { padding + subject } else { subject.to_owned() + &padding })
}

fn split_part(subject: &str, delimiter: &str, at: i128) -> Result<String, EvalError> {
    if delimiter.is_empty() || at < 1 {
        return Err(EvalError::Unsupported("split_part from the end or at nothing"));
    }
    let at = usize::try_from(at - 1).unwrap_or(usize::MAX);
    Ok(subject.split(delimiter).nth(at).unwrap_or("").to_owned())
}

fn like(function: Function, args: &[Value]) -> Cell {
    let escape = if args.len() > 2 { text_at(args, 2)?.chars().next() } else { None };
    let letters = |text: &str| -> Vec<char> {
        match function {
            Function::ILike => text.chars().map(|c| single(c, c.to_lowercase())).collect(),
            _ => text.chars().collect(),
        }
    };
    let (subject, pattern) = (letters(&text_at(args, 0)?), letters(&text_at(args, 1)?));
    let mut wanted: Vec<Want> = Vec::new();
    let mut pattern = pattern.into_iter();
    while let Some(c) = pattern.next() {
        wanted.push(match c {
            _ if Some(c) == escape => {
                Want::This(pattern.next().ok_or(EvalError::Unsupported("a pattern that ends with its escape"))?)
            }
            '%' => Want::Any,
            '_' => Want::One,
            c => Want::This(c),
        });
    }
    Ok(Value::Boolean(matches(&subject, &wanted)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Any,
    One,
    This(char),
}

fn matches(subject: &[char], wanted: &[Want]) -> bool {
    // `can[i]`: the pattern so far can have eaten the first i letters.
    let mut can = vec![false; subject.len() + 1];
    can[0] = true;
    for want in wanted {
        let mut next = vec![false; can.len()];
        match want {
            Want::Any => {
                let first = can.iter().position(|&is| is).unwrap_or(can.len());
                next[first..].fill(true);
            }
            Want::One => next[1..].copy_from_slice(&can[..subject.len()]),
            Want::This(c) => {
                for at in 0..subject.len() {
                    next[at + 1] = can[at] && subject[at] == *c;
                }
            }
        }
        can = next;
    }
    can.last().copied().unwrap_or(false)
}
