//! DuckDB's words for samples and percentages, which its grammar does not read, as tokens that it reads.
//!
//! `TABLESAMPLE reservoir(20 ROWS)`, `TABLESAMPLE 10%` and `USING SAMPLE 10 PERCENT (system, 7)` all become
//! `TABLESAMPLE METHOD (size UNIT) REPEATABLE (seed)` behind the relation; `ROW` stands for `reservoir`.

use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use crate::parse::{Fault, SourceText};

/// The tokens of a text, with samples in words that the grammar reads.
pub(crate) fn readable(text: &SourceText<'_>, tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, Fault> {
    let is_there = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if ["SAMPLE", "TABLESAMPLE", "LIMIT"].iter().any(|it| word.value.eq_ignore_ascii_case(it)));
    if !tokens.iter().any(is_there) {
        return Ok(tokens);
    }
    let code: Vec<usize> = (0..tokens.len()).filter(|&at| !matches!(tokens[at].token, Token::Whitespace(_))).collect();
    let words = Words { tokens: &tokens, code: &code };
    // Ranges of tokens that go, and what comes in front of a token.
    let mut dropped = vec![false; tokens.len()];
    let mut inserted: Vec<(usize, Vec<TokenWithSpan>)> = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let is_behind = words.is(at, "USING") && words.is(at + 1, "SAMPLE");
        if words.is(at, "LIMIT") && words.is_percentage(at + 1) {
            let span = text.span(words.span(at));
            let fault = text.fault("SQL-0014", span, "a `LIMIT` of a percentage is not supported");
            return Err(Box::new(fault.with_help("the model stays as it is written")));
        }
        if !is_behind && !words.is(at, "TABLESAMPLE") {
            at += 1;
            continue;
        }
        let start = if is_behind { at + 2 } else { at + 1 };
        let Some(clause) = words.clause(start) else {
            at += 1;
            continue;
        };
        let place = if is_behind { words.end_of_from(at) } else { Some(Ok(at)) };
        match place {
            Some(Ok(place)) => inserted.push((code[place], clause.tokens(words.span(at)))),
            Some(Err(_)) => {
                let span = text.span(words.span(at));
                let fault = text.fault("SQL-0014", span, "`USING SAMPLE` of several relations is not supported");
                return Err(Box::new(fault.with_help("the model stays as it is written")));
            }
            None => break,
        }
        code[at..clause.end].iter().for_each(|&token| dropped[token] = true);
        at = clause.end;
    }
    let mut made = Vec::with_capacity(tokens.len() + 8);
    for (at, token) in tokens.into_iter().enumerate() {
        inserted.iter_mut().filter(|(place, _)| *place == at).for_each(|(_, clause)| made.append(clause));
        if !dropped[at] {
            made.push(token);
        }
    }
    Ok(made)
}

/// A sample as written.
struct Clause {
    method: Option<&'static str>,
    count: String,
    is_percent: bool,
    seed: Option<String>,
    /// Position behind it.
    end: usize,
}

impl Clause {
    fn tokens(&self, span: Span) -> Vec<TokenWithSpan> {
        let mut tokens = vec![Token::make_keyword("TABLESAMPLE")];
        tokens.extend(self.method.map(Token::make_keyword));
        let unit = if self.is_percent { "PERCENT" } else { "ROWS" };
        tokens.extend([
            Token::LParen,
            Token::Number(self.count.clone(), false),
            Token::make_keyword(unit),
            Token::RParen,
        ]);
        if let Some(seed) = &self.seed {
            tokens.extend([
                Token::make_keyword("REPEATABLE"),
                Token::LParen,
                Token::Number(seed.clone(), false),
                Token::RParen,
            ]);
        }
        tokens.into_iter().map(|token| TokenWithSpan { token, span }).collect()
    }
}

/// Tokens without blanks and comments.
struct Words<'a> {
    tokens: &'a [TokenWithSpan],
    code: &'a [usize],
}

impl Words<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.code.get(at).map(|&token| &self.tokens[token].token)
    }

    fn span(&self, at: usize) -> Span {
        self.code.get(at).map_or_else(Span::empty, |&token| self.tokens[token].span)
    }

    fn is(&self, at: usize, word: &str) -> bool {
        matches!(self.token(at), Some(Token::Word(found)) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
    }

    fn number(&self, at: usize) -> Option<String> {
        match self.token(at)? {
            Token::Number(digits, _) => Some(digits.clone()),
            _ => None,
        }
    }

    /// `20`, `20%`, `20 PERCENT` or `20 ROWS`, and the position behind it.
    fn count(&self, at: usize) -> Option<(String, bool, usize)> {
        let count = self.number(at)?;
        let is_percent = matches!(self.token(at + 1), Some(Token::Mod)) || self.is(at + 1, "PERCENT");
        let has_unit = is_percent || self.is(at + 1, "ROWS");
        Some((count, is_percent, at + 1 + usize::from(has_unit)))
    }

    fn method(&self, at: usize) -> Option<&'static str> {
        let known = [("BERNOULLI", "BERNOULLI"), ("SYSTEM", "SYSTEM"), ("RESERVOIR", "ROW")];
        known.into_iter().find(|(word, _)| self.is(at, word)).map(|(_, method)| method)
    }

    fn clause(&self, at: usize) -> Option<Clause> {
        let method = self.method(at);
        let open = at + usize::from(method.is_some());
        if self.token(open) == Some(&Token::LParen) {
            let (count, is_percent, close) = self.count(open + 1)?;
            if self.token(close) != Some(&Token::RParen) {
                return None;
            }
            let is_seeded = self.is(close + 1, "REPEATABLE") && self.token(close + 2) == Some(&Token::LParen);
            let seed = if is_seeded { Some(self.number(close + 3)?) } else { None };
            return Some(Clause { method, count, is_percent, seed, end: close + if is_seeded { 5 } else { 1 } });
        }
        if method.is_some() {
            return None;
        }
        let (count, is_percent, end) = self.count(at)?;
        if self.token(end) != Some(&Token::LParen) {
            return Some(Clause { method: None, count, is_percent, seed: None, end });
        }
        let method = Some(self.method(end + 1)?);
        if self.token(end + 2) == Some(&Token::RParen) {
            return Some(Clause { method, count, is_percent, seed: None, end: end + 3 });
        }
        let seed = Some(self.number(end + 3)?);
        Some(Clause { method, count, is_percent, seed, end: end + 5 })
    }

    /// Where the relations end that the `USING SAMPLE` at a position samples. An error where there are several.
    fn end_of_from(&self, at: usize) -> Option<Result<usize, ()>> {
        let mut depth = 0_usize;
        let mut from = at;
        loop {
            from = from.checked_sub(1)?;
            match self.token(from)? {
                Token::RParen => depth += 1,
                Token::LParen => depth = depth.checked_sub(1)?,
                _ if depth == 0 && self.is(from, "FROM") && !self.is(from.wrapping_sub(1), "DISTINCT") => break,
                _ => {}
            }
        }
        for place in from + 1..=at {
            match self.token(place)? {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.checked_sub(1)?,
                _ if depth > 0 => {}
                Token::Comma => return Some(Err(())),
                _ if ["JOIN", "PIVOT", "UNPIVOT", "TABLESAMPLE"].iter().any(|word| self.is(place, word)) => {
                    return Some(Err(()));
                }
                _ if ["WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "SELECT", "USING"]
                    .iter()
                    .any(|word| self.is(place, word)) =>
                {
                    return Some(Ok(place));
                }
                _ => {}
            }
        }
        None
    }

    fn is_percentage(&self, at: usize) -> bool {
        if self.number(at).is_none() {
            return false;
        }
        let is_end = |at: usize| match self.token(at) {
            None | Some(Token::EOF | Token::RParen | Token::SemiColon) => true,
            Some(_) => ["OFFSET", "UNION", "INTERSECT", "EXCEPT"].iter().any(|word| self.is(at, word)),
        };
        self.is(at + 1, "PERCENT") || self.token(at + 1) == Some(&Token::Mod) && is_end(at + 2)
    }
}

/// Whether a text reads a table as it was: `AT (VERSION => …)` or `AT (TIMESTAMP => …)`.
pub(crate) fn has_versions(tokens: &[TokenWithSpan]) -> bool {
    let code: Vec<usize> = (0..tokens.len()).filter(|&at| !matches!(tokens[at].token, Token::Whitespace(_))).collect();
    let words = Words { tokens, code: &code };
    (0..code.len()).any(|at| {
        words.is(at, "AT")
            && words.token(at + 1) == Some(&Token::LParen)
            && (words.is(at + 2, "VERSION") || words.is(at + 2, "TIMESTAMP"))
            && words.token(at + 3) == Some(&Token::RArrow)
    })
}
