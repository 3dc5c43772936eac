//! `EXCLUDE` in the frame of a window, which the parser does not read, as a mark among the keys of the order.
//!
//! `ORDER BY x ROWS … EXCLUDE TIES` becomes `ORDER BY x, 'ties' COLLATE "frame exclusion" ROWS …`: a key that no
//! query has. What excludes nothing goes.

use isomer_ir::Exclusion;
use sqlparser::ast::{Expr, Value};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The collation of a mark. A name with a blank is none of a dialect.
const MARK: &str = "frame exclusion";

/// The tokens of a text with its exclusions marked. What is of another form is left to the parser.
pub(crate) fn marked(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut at = 0;
    while let Some(found) = (at..tokens.len()).find(|&at| is_word(&tokens[at].token, "EXCLUDE")) {
        at = found + 1;
        // `* EXCLUDE ties` leaves a column out.
        let before = tokens[..found].iter().rfind(|token| !matches!(token.token, Token::Whitespace(_)));
        if before.is_none_or(|token| token.token == Token::Mul) {
            continue;
        }
        let Some((words, exclusion)) = exclusion_behind(&tokens, found) else { continue };
        let Some((unit, has_order)) = frame_before(&tokens, found) else { continue };
        let span = tokens[found].span;
        tokens.drain(found..=words);
        let Some(exclusion) = exclusion else { continue };
        let start = if has_order { vec![Token::Comma] } else { vec![word("ORDER"), word("BY")] };
        let mark =
            [Token::SingleQuotedString(exclusion.to_owned()), word("COLLATE"), Token::make_word(MARK, Some('"'))];
        let made = start.into_iter().chain(mark).map(|token| TokenWithSpan { token, span });
        let made: Vec<TokenWithSpan> = made.collect();
        at += made.len();
        tokens.splice(unit..unit, made);
    }
    tokens
}

/// What a key of an order marks.
pub(crate) fn exclusion_of(key: &Expr) -> Option<Exclusion> {
    let Expr::Collate { expr, collation } = key else { return None };
    let is_mark = matches!(collation.0.as_slice(), [part] if part.as_ident().is_some_and(|name| name.value == MARK));
    let Expr::Value(value) = &**expr else { return None };
    match &value.value {
        Value::SingleQuotedString(text) if is_mark => match text.as_str() {
            "current row" => Some(Exclusion::CurrentRow),
            "group" => Some(Exclusion::Group),
            "ties" => Some(Exclusion::Ties),
            _ => None,
        },
        _ => None,
    }
}

/// The place of the last word of what is excluded, and its name, `None` where that is nothing.
fn exclusion_behind(tokens: &[TokenWithSpan], at: usize) -> Option<(usize, Option<&'static str>)> {
    let is = |at: Option<usize>, word: &str| at.is_some_and(|at| is_word(&tokens[at].token, word));
    let first = next(tokens, at);
    let second = first.and_then(|first| next(tokens, first));
    if is(first, "TIES") {
        Some((first?, Some("ties")))
    } else if is(first, "GROUP") && !is(second, "BY") {
        Some((first?, Some("group")))
    } else if is(first, "CURRENT") && is(second, "ROW") {
        Some((second?, Some("current row")))
    } else if is(first, "NO") && is(second, "OTHERS") {
        Some((second?, None))
    } else {
        None
    }
}

fn next(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    (at + 1..tokens.len()).find(|&at| !matches!(tokens[at].token, Token::Whitespace(_)))
}

/// The place where the frame starts that ends before a place, and whether the window has an order.
fn frame_before(tokens: &[TokenWithSpan], end: usize) -> Option<(usize, bool)> {
    let (mut depth, mut unit, mut has_order) = (0_usize, None, false);
    for at in (0..end).rev() {
        match &tokens[at].token {
            Token::RParen | Token::RBracket => depth += 1,
            Token::LParen | Token::LBracket => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return unit.map(|unit| (unit, has_order)),
            },
            _ if depth > 0 => {}
            token if unit.is_none() && ["ROWS", "RANGE", "GROUPS"].iter().any(|word| is_word(token, word)) => {
                unit = Some(at);
            }
            token => has_order |= is_word(token, "ORDER") && unit.is_some(),
        }
    }
    None
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

fn word(text: &str) -> Token {
    Token::make_keyword(text)
}
