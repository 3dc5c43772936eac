//! DuckDB's own clauses in words that the parser has: its tokens before they are parsed.
//!
//! `ASOF [LEFT] JOIN … ON …` gets the `MATCH_CONDITION` that the parser asks for, `PIVOT … ON …` and
//! `UNPIVOT … ON …` become queries over the operators of those names, a list comprehension becomes calls with
//! functions. What is added has the place of what stands beside it. What is of another form is left to the parser.

use isomer_ir::{Dialect, Span};
use sqlparser::dialect::DuckDbDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::column_name::{ColumnName, column_name};
use crate::grammar::Bounded;
use crate::parse::{Fault, SourceText};

/// Words that something is done about; a text without them is left alone.
const TRIGGERS: [&str; 6] = ["ASOF", "PIVOT", "UNPIVOT", "TABLE", "FOR", "POSITIONAL"];

/// Words that filter the columns of a star.
const FILTERS: [&str; 4] = ["LIKE", "ILIKE", "GLOB", "SIMILAR"];

/// The name that a star's columns have in its filter.
const STAR_COLUMN: &str = "star_column";

/// The tokens of a text in words of the parser.
pub(crate) fn reworded(text: &SourceText<'_>, tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, Fault> {
    let is_power = |pair: &[TokenWithSpan]| matches!((&pair[0].token, &pair[1].token), (Token::Mul, Token::Mul));
    let is_triggered = has_star_filter(&tokens)
        || tokens.iter().any(|token| TRIGGERS.iter().any(|word| is_word(&token.token, word)))
        || tokens.windows(2).any(is_power);
    if !is_triggered {
        return Ok(tokens);
    }
    let tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let mut made = Vec::with_capacity(tokens.len() + 16);
    Rewording { text }.run(&tokens, &mut made)?;
    Ok(made)
}

/// Whether a star is filtered by the names of its columns.
fn has_star_filter(tokens: &[TokenWithSpan]) -> bool {
    let mut is_behind_star = false;
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) => {}
            Token::Mul => is_behind_star = true,
            found if is_behind_star && (is_word(found, "NOT") || FILTERS.iter().any(|word| is_word(found, word))) => {
                return true;
            }
            _ => is_behind_star = false,
        }
    }
    false
}

struct Rewording<'a> {
    text: &'a SourceText<'a>,
}

type Tokens<'t> = &'t [TokenWithSpan];

impl Rewording<'_> {
    fn run(&self, tokens: Tokens<'_>, made: &mut Vec<TokenWithSpan>) -> Result<(), Fault> {
        let mut at = 0;
        while at < tokens.len() {
            at = self.step(tokens, at, made)?;
        }
        Ok(())
    }

    /// Handles what starts at `at`; where the rest starts.
    fn step(&self, tokens: Tokens<'_>, at: usize, made: &mut Vec<TokenWithSpan>) -> Result<usize, Fault> {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_word(&token.token, word));
        let token = &tokens[at];
        if let (Token::Mul, Some(Token::Mul)) = (&token.token, tokens.get(at + 1).map(|next| &next.token)) {
            made.push(TokenWithSpan { token: Token::Caret, span: token.span });
            return Ok(at + 2);
        }
        if token.token == Token::Mul
            && let Some(next) = self.star_filter(tokens, at, made)?
        {
            return Ok(next);
        }
        if is(at, "ASOF")
            && let Some(next) = self.asof(tokens, at, made)?
        {
            return Ok(next);
        }
        if is(at, "POSITIONAL") && is(at + 1, "JOIN") {
            return Err(self.unsupported(token, "`POSITIONAL JOIN`"));
        }
        let is_start = at == 0 || matches!(tokens[at - 1].token, Token::LParen | Token::RParen | Token::SemiColon);
        if is_start
            && at == 0
            && is(at, "TABLE")
            && matches!(tokens.get(1).map(|next| &next.token), Some(Token::Word(_)))
        {
            add(made, token, &[word("SELECT"), Token::Mul, word("FROM")]);
            return Ok(at + 1);
        }
        if is_start
            && (is(at, "PIVOT") || is(at, "UNPIVOT"))
            && let Some(next) = self.pivot(tokens, at, made)?
        {
            return Ok(next);
        }
        if token.token == Token::LBracket
            && let Some(next) = self.comprehension(tokens, at, made)?
        {
            return Ok(next);
        }
        made.push(token.clone());
        Ok(at + 1)
    }

    /// `* [NOT] LIKE 'pattern'` as `COLUMNS(lambda c: c [NOT] LIKE 'pattern')`, which is how DuckDB reads it.
    fn star_filter(
        &self,
        tokens: Tokens<'_>,
        at: usize,
        made: &mut Vec<TokenWithSpan>,
    ) -> Result<Option<usize>, Fault> {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_word(&token.token, word));
        let Some(before) = at.checked_sub(1) else { return Ok(None) };
        let start = at + 1;
        let behind = start + usize::from(is(start, "NOT"));
        let pattern = match FILTERS.iter().find(|word| is(behind, word)) {
            Some(&"SIMILAR") if is(behind + 1, "TO") => behind + 2,
            Some(&"SIMILAR") | None => return Ok(None),
            Some(_) => behind + 1,
        };
        let is_item =
            tokens[before].token == Token::Comma || ["SELECT", "DISTINCT", "ALL"].iter().any(|word| is(before, word));
        let is_text =
            |at: usize| matches!(tokens.get(at).map(|token| &token.token), Some(Token::SingleQuotedString(_)));
        let end = pattern + if is(pattern + 1, "ESCAPE") { 3 } else { 1 };
        if !is_item || is(behind, "GLOB") || is(behind, "SIMILAR") || !is_text(pattern) || !is_text(end - 1) {
            return Err(self.unsupported(&tokens[at], "this filter of `*`"));
        }
        let column = word(STAR_COLUMN);
        add(made, &tokens[at], &[word("COLUMNS"), Token::LParen, word("lambda"), column.clone(), Token::Colon, column]);
        made.extend(tokens[start..end].iter().cloned());
        add(made, &tokens[at], &[Token::RParen]);
        Ok(Some(end))
    }

    /// `ASOF [LEFT|INNER] JOIN relation ON …`: `MATCH_CONDITION ('left')` or `('inner')` tells the kind.
    fn asof(&self, tokens: Tokens<'_>, at: usize, made: &mut Vec<TokenWithSpan>) -> Result<Option<usize>, Fault> {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_word(&token.token, word));
        let mut join = at + 1;
        let is_left = is(join, "LEFT");
        for kind in ["LEFT", "INNER", "OUTER"] {
            join += usize::from(is(join, kind));
        }
        if (is(at + 1, "RIGHT") || is(at + 1, "FULL")) && (is(at + 2, "JOIN") || is(at + 3, "JOIN")) {
            return Err(self.unsupported(&tokens[at], "`ASOF` with a right or full join"));
        }
        if !is(join, "JOIN") {
            return Ok(None);
        }
        let is_end = |at: usize| is(at, "ON") || is(at, "USING") || is(at, "MATCH_CONDITION");
        let Some(end) = seek(tokens, join + 1, &is_end) else { return Ok(None) };
        if is(end, "MATCH_CONDITION") {
            return Ok(None);
        }
        made.push(tokens[at].clone());
        made.push(tokens[join].clone());
        self.run(&tokens[join + 1..end], made)?;
        let kind = Token::SingleQuotedString(if is_left { "left" } else { "inner" }.to_owned());
        add(made, &tokens[end], &[word("MATCH_CONDITION"), Token::LParen, kind, Token::RParen]);
        Ok(Some(end))
    }

    /// `PIVOT source ON column IN (…) USING …` and `UNPIVOT source ON …` as queries.
    fn pivot(&self, tokens: Tokens<'_>, at: usize, made: &mut Vec<TokenWithSpan>) -> Result<Option<usize>, Fault> {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_word(&token.token, word));
        let source = at + 1;
        let on = match tokens.get(source).map(|token| &token.token) {
            Some(Token::LParen) => closing(tokens, source).map(|end| end + 1),
            Some(Token::Word(_)) => {
                let mut end = source + 1;
                while matches!(tokens.get(end).map(|token| &token.token), Some(Token::Period)) {
                    end += 2;
                }
                Some(end)
            }
            _ => None,
        };
        let Some(on) = on.filter(|&on| is(on, "ON")) else { return Ok(None) };
        let is_end = |at: usize| {
            ["USING", "GROUP", "ORDER", "LIMIT", "INTO", "UNION"].iter().any(|word| is(at, word))
                || matches!(tokens[at].token, Token::RParen | Token::SemiColon | Token::EOF)
        };
        let end = seek(tokens, on + 1, &is_end).unwrap_or(tokens.len());
        let of = &tokens[on + 1..end];
        if is(at, "UNPIVOT") {
            self.unpivot(tokens, at, (on, end), made)
        } else {
            self.pivot_on(tokens, at, (on, end), of, made)
        }
    }

    fn unpivot(
        &self,
        tokens: Tokens<'_>,
        at: usize,
        (on, mut end): (usize, usize),
        made: &mut Vec<TokenWithSpan>,
    ) -> Result<Option<usize>, Fault> {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_word(&token.token, word));
        let of = &tokens[on + 1..end];
        for part in split(of) {
            let is_plain = matches!(
                part.iter().map(|token| &token.token).collect::<Vec<_>>().as_slice(),
                [Token::Word(_)] | [Token::Word(_), Token::Word(_), Token::Word(_)]
            );
            if !is_plain {
                return Err(
                    self.unsupported(part.first().unwrap_or(&tokens[on]), "`UNPIVOT` of what is no list of names")
                );
            }
        }
        let (mut name, mut value) = (word("name"), word("value"));
        if is(end, "INTO") {
            if !(is(end + 1, "NAME") && is(end + 3, "VALUE") && end + 4 < tokens.len()) {
                return Ok(None);
            }
            (name, value) = (tokens[end + 2].token.clone(), tokens[end + 4].token.clone());
            end += 5;
            if matches!(tokens.get(end).map(|token| &token.token), Some(Token::Comma)) {
                return Err(self.unsupported(&tokens[end], "`UNPIVOT` into several value columns"));
            }
        }
        add(made, &tokens[at], &[word("SELECT"), Token::Mul, word("FROM")]);
        self.run(&tokens[at + 1..on], made)?;
        add(made, &tokens[on], &[word("UNPIVOT"), Token::LParen, value, word("FOR"), name, word("IN"), Token::LParen]);
        made.extend(of.iter().cloned());
        add(made, &tokens[on], &[Token::RParen, Token::RParen]);
        Ok(Some(end))
    }

    fn pivot_on(
        &self,
        tokens: Tokens<'_>,
        at: usize,
        (on, end): (usize, usize),
        of: Tokens<'_>,
        made: &mut Vec<TokenWithSpan>,
    ) -> Result<Option<usize>, Fault> {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_word(&token.token, word));
        let [column, in_word, open, .., close] = of else {
            return Err(self.unsupported(&tokens[on], "`PIVOT` whose columns depend on the rows"));
        };
        let is_written = is_word(&in_word.token, "IN")
            && matches!((&open.token, &close.token), (Token::LParen, Token::RParen))
            && closing(of, 2) == Some(of.len() - 1);
        if !is_written {
            return Err(self.unsupported(column, "`PIVOT` of several columns or over values that are not written"));
        }
        let is_end = |at: usize| {
            ["GROUP", "ORDER", "LIMIT", "UNION"].iter().any(|word| is(at, word))
                || matches!(tokens[at].token, Token::RParen | Token::SemiColon | Token::EOF)
        };
        let count = [word("count"), Token::LParen, Token::Mul, Token::RParen]
            .map(|token| TokenWithSpan { token, span: tokens[on].span });
        let mut next = end;
        let calls: Tokens<'_> = if is(end, "USING") {
            next = seek(tokens, end + 1, &is_end).unwrap_or(tokens.len());
            &tokens[end + 1..next]
        } else {
            &count
        };
        if !(is(next, "GROUP") && is(next + 1, "BY")) {
            add(made, &tokens[at], &[word("SELECT"), Token::Mul, word("FROM")]);
            self.run(&tokens[at + 1..on], made)?;
            add(made, &tokens[on], &[word("PIVOT"), Token::LParen]);
            self.run(calls, made)?;
            add(made, &tokens[on], &[word("FOR")]);
            made.extend(of.iter().cloned());
            add(made, &tokens[on], &[Token::RParen]);
            return Ok(Some(next));
        }
        let is_tail = |at: usize| {
            ["ORDER", "LIMIT", "UNION"].iter().any(|word| is(at, word))
                || matches!(tokens[at].token, Token::RParen | Token::SemiColon | Token::EOF)
        };
        let tail = seek(tokens, next + 2, &is_tail).unwrap_or(tokens.len());
        let keys = &tokens[next + 2..tail];
        add(made, &tokens[at], &[word("SELECT")]);
        made.extend(keys.iter().cloned());
        self.grouped(column, &of[3..of.len() - 1], calls, made)?;
        add(made, &tokens[at], &[word("FROM")]);
        self.run(&tokens[at + 1..on], made)?;
        made.extend(tokens[next..tail].iter().cloned());
        Ok(Some(tail))
    }

    /// `, call FILTER (WHERE column = value) AS "name"` for each value and call.
    fn grouped(
        &self,
        column: &TokenWithSpan,
        values: Tokens<'_>,
        calls: Tokens<'_>,
        made: &mut Vec<TokenWithSpan>,
    ) -> Result<(), Fault> {
        let calls = split(calls);
        for value in split(values) {
            let (literal, name) = match value.iter().map(|token| &token.token).collect::<Vec<_>>().as_slice() {
                [Token::SingleQuotedString(text)] => (&value[0], text.clone()),
                [Token::Number(digits, _)] => (&value[0], digits.clone()),
                [Token::SingleQuotedString(_) | Token::Number(..), Token::Word(as_word), Token::Word(alias)]
                    if as_word.keyword == Keyword::AS =>
                {
                    (&value[0], alias.value.clone())
                }
                _ => {
                    return Err(self
                        .unsupported(value.first().unwrap_or(column), "a value of `PIVOT` that is no text or number"));
                }
            };
            for call in &calls {
                let end = match call.get(1).map(|token| &token.token) {
                    Some(Token::LParen) => closing(call, 1),
                    _ => None,
                };
                let alias = end.map(|end| call[end + 1..].iter().map(|token| &token.token).collect::<Vec<_>>());
                let alias = match alias.as_deref() {
                    Some([]) => None,
                    Some([Token::Word(as_word), Token::Word(alias)]) if as_word.keyword == Keyword::AS => {
                        Some(alias.value.clone())
                    }
                    Some([Token::Word(alias)]) => Some(alias.value.clone()),
                    _ => {
                        let at = call.first().unwrap_or(column);
                        return Err(self.unsupported(at, "`PIVOT` of what is no aggregate"));
                    }
                };
                let name = match alias {
                    Some(alias) => format!("{name}_{alias}"),
                    None if calls.len() == 1 => name.clone(),
                    None => format!("{name}_{}", self.name_of(call, column)?),
                };
                let name = Token::Word(Word { value: name, quote_style: Some('"'), keyword: Keyword::NoKeyword });
                add(made, column, &[Token::Comma]);
                self.run(&call[..=end.unwrap_or(0)], made)?;
                add(made, column, &[word("FILTER"), Token::LParen, word("WHERE"), column.token.clone(), Token::Eq]);
                made.push(literal.clone());
                add(made, column, &[Token::RParen, word("AS"), name]);
            }
        }
        Ok(())
    }

    /// The name that a call has as a column.
    fn name_of(&self, call: Tokens<'_>, column: &TokenWithSpan) -> Result<String, Fault> {
        let refused =
            || self.unsupported(call.first().unwrap_or(column), "`PIVOT` of several aggregates without aliases");
        let mut made = Vec::with_capacity(call.len());
        self.run(call, &mut made)?;
        let grammar = Bounded::of_duckdb(DuckDbDialect {}, made.len());
        let mut parser = Parser::new(&grammar).with_tokens_with_locations(made);
        let expr = parser.parse_expr().map_err(|_| refused())?;
        let ColumnName { name, is_sure, .. } = column_name(&expr, Dialect::DuckDb);
        if is_sure { Ok(name.to_string()) } else { Err(refused()) }
    }

    /// `[body FOR x IN list IF condition]` as `list_transform(list_filter(list, lambda x: condition), lambda x: body)`.
    fn comprehension(
        &self,
        tokens: Tokens<'_>,
        at: usize,
        made: &mut Vec<TokenWithSpan>,
    ) -> Result<Option<usize>, Fault> {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_word(&token.token, word));
        let Some(end) = closing(tokens, at) else { return Ok(None) };
        let Some(for_word) = seek(&tokens[..end], at + 1, &|at| is(at, "FOR")) else { return Ok(None) };
        let Some(in_word) = seek(&tokens[..end], for_word + 1, &|at| is(at, "IN")) else { return Ok(None) };
        let names = &tokens[for_word + 1..in_word];
        let is_list_end = |at: usize| is(at, "IF") && at > in_word + 1;
        let if_word = seek(&tokens[..end], in_word + 1, &is_list_end);
        if names.len() != 1 && (if_word.is_some() || names.len() != 3) {
            return Err(self.unsupported(&tokens[for_word], "a list comprehension with a position and a condition"));
        }
        let (open, comma) = (Token::LParen, Token::Comma);
        let lambda = |made: &mut Vec<TokenWithSpan>| {
            add(made, &tokens[for_word], &[comma.clone(), word("lambda")]);
            made.extend(names.iter().cloned());
            add(made, &tokens[for_word], &[Token::Colon]);
        };
        add(made, &tokens[at], &[word("list_transform"), open.clone()]);
        if if_word.is_some() {
            add(made, &tokens[at], &[word("list_filter"), open]);
        }
        self.run(&tokens[in_word + 1..if_word.unwrap_or(end)], made)?;
        if let Some(if_word) = if_word {
            lambda(made);
            self.run(&tokens[if_word + 1..end], made)?;
            add(made, &tokens[end], &[Token::RParen]);
        }
        lambda(made);
        self.run(&tokens[at + 1..for_word], made)?;
        add(made, &tokens[end], &[Token::RParen]);
        Ok(Some(end + 1))
    }

    fn unsupported(&self, at: &TokenWithSpan, what: &str) -> Fault {
        let span: Span = self.text.span(at.span);
        let fault = self.text.fault("SQL-0014", span, format!("{what} is not supported"));
        Box::new(fault.with_help("the model stays as it is written"))
    }
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

fn word(text: &str) -> Token {
    Token::make_word(text, None)
}

fn add(made: &mut Vec<TokenWithSpan>, beside: &TokenWithSpan, tokens: &[Token]) {
    made.extend(tokens.iter().map(|token| TokenWithSpan { token: token.clone(), span: beside.span }));
}

fn depth_of(token: &Token) -> i32 {
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => 1,
        Token::RParen | Token::RBracket | Token::RBrace => -1,
        _ => 0,
    }
}

/// Where the bracket that opens at `at` closes.
fn closing(tokens: Tokens<'_>, at: usize) -> Option<usize> {
    let mut depth = 0;
    for (position, token) in tokens.iter().enumerate().skip(at) {
        depth += depth_of(&token.token);
        if depth == 0 {
            return Some(position);
        }
    }
    None
}

/// The first place outside of brackets, from `at` on, for which something holds; not beyond the bracket around.
fn seek(tokens: Tokens<'_>, at: usize, holds: &dyn Fn(usize) -> bool) -> Option<usize> {
    let mut depth = 0;
    for (position, token) in tokens.iter().enumerate().skip(at) {
        if depth == 0 && holds(position) {
            return Some(position);
        }
        depth += depth_of(&token.token);
        if depth < 0 {
            return None;
        }
    }
    None
}

/// The parts between commas outside of brackets.
fn split(tokens: Tokens<'_>) -> Vec<Tokens<'_>> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (position, token) in tokens.iter().enumerate() {
        depth += depth_of(&token.token);
        if depth == 0 && token.token == Token::Comma {
            parts.push(&tokens[start..position]);
            start = position + 1;
        }
    }
    parts.push(&tokens[start..]);
    parts
}
