//! Text to syntax tree: bounds on what is parsed at all, the dialect's grammar, places and comments.
//!
//! The grammar builds left-deep trees, and both parser and tree are walked recursively; so the
//! nesting and the length of operator chains are bounded before parsing, and callers run on
//! [`with_deep_stack`].

use std::sync::Arc;

use isomer_ir::{Diagnostic, Dialect, Span};
use sqlparser::ast::{self, Query, Statement};
use sqlparser::dialect::{
    BigQueryDialect, DatabricksDialect, DuckDbDialect, GenericDialect, PostgreSqlDialect, SnowflakeDialect,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

use crate::frame_syntax::marked;
use crate::grammar::Bounded;
use crate::made::Made;
use crate::reword::reworded;
use crate::sample_syntax::{has_versions, readable};
use crate::spark_text::read_texts;

/// A fault that ends the binding of a model.
pub(crate) type Fault = Box<Diagnostic>;

/// Deepest nesting of parentheses, `CASE` and brackets that is parsed.
const MAX_NESTING: usize = 200;
/// Deepest recursion of the parser; a level of parentheses takes two or three.
const MAX_RECURSION: usize = 800;
/// Most operators in one text. A chain of operators is a left-deep tree of as many levels.
const MAX_OPERATORS: usize = 120_000;
/// Bytes of stack for parsing, binding and dropping one model. Only what is touched is committed.
const STACK: usize = 1 << 30;
/// Bytes that those who call [`with_deep_stack`] within it may have used of the outer stack.
const STACK_SLACK: usize = 16 << 20;

/// Runs `work` on a stack that fits everything that [`parse`] lets through.
///
/// A fresh stack has its pages mapped and cleared again. Whoever has many texts asks for one around
/// them all: within it, those for single texts are free.
pub(crate) fn with_deep_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK, STACK + STACK_SLACK, work)
}

/// A model's text with the place of each of its lines.
#[derive(Debug)]
pub(crate) struct SourceText<'a> {
    pub(crate) source: &'a Arc<str>,
    pub(crate) text: &'a str,
    line_starts: Vec<usize>,
    /// Expressions that are made of those of the text.
    pub(crate) made: Made,
    is_ascii: bool,
}

impl<'a> SourceText<'a> {
    pub(crate) fn new(source: &'a Arc<str>, text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { source, text, line_starts, made: Made::default(), is_ascii: text.is_ascii() }
    }

    /// The bytes of a range of lines and columns; the whole text where the parser knows no place.
    pub(crate) fn span(&self, span: sqlparser::tokenizer::Span) -> Span {
        if span.start.line == 0 {
            return Span::new(0, self.text.len());
        }
        Span::new(self.offset(span.start), self.offset(span.end))
    }

    fn offset(&self, at: Location) -> usize {
        let Some(index) = usize::try_from(at.line).ok().and_then(|line| line.checked_sub(1)) else { return 0 };
        let Some(&start) = self.line_starts.get(index) else { return self.text.len() };
        let columns = usize::try_from(at.column.saturating_sub(1)).unwrap_or(usize::MAX);
        if self.is_ascii {
            return start.saturating_add(columns).min(self.text.len());
        }
        let line = &self.text[start..];
        line.char_indices().nth(columns).map_or(self.text.len(), |(at, _)| start + at)
    }

    pub(crate) fn fault(&self, code: &'static str, span: Span, message: impl Into<String>) -> Fault {
        Box::new(Diagnostic::model(code, self.source, span, message))
    }
}

/// What the parser gives of a text, as far as it comes.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The query, unless there is a fault.
    pub(crate) query: Option<Box<Query>>,
    /// Comments with their places.
    pub(crate) comments: Vec<(Span, Arc<str>)>,
    /// Words of the text, for finding what an unparsable model may read; dotted names as one.
    pub(crate) words: Vec<String>,
}

/// What [`parse`] gives.
pub(crate) type ParsedText = (Parsed, Option<Fault>);

/// Parses a text that must be one query.
pub(crate) fn parse(text: &SourceText<'_>, dialect: Dialect) -> ParsedText {
    let grammar = grammar_of(dialect, 0);
    let mut parsed = Parsed::default();
    let mut tokens = match Tokenizer::new(&*grammar, text.text).tokenize_with_location() {
        Ok(tokens) => tokens,
        Err(error) => {
            parsed.words = loose_words(text.text);
            let at = text.offset(error.location);
            let fault = text.fault("SQL-0001", Span::new(at, text.text.len().min(at + 1)), lower(&error.message));
            return (parsed, Some(fault));
        }
    };
    parsed.comments = comments(text, &tokens);
    parsed.words = dotted_words(&tokens);
    if let Err(fault) = read_texts(text, dialect, &mut tokens) {
        return (parsed, Some(fault));
    }
    if let Some(fault) = bounds(text, &tokens) {
        return (parsed, Some(fault));
    }
    if matches!(dialect, Dialect::DuckDb | Dialect::Postgres) {
        tokens = marked(tokens);
    }
    let tokens = if dialect == Dialect::DuckDb {
        match readable(text, tokens).and_then(|tokens| reworded(text, tokens)) {
            Ok(tokens) => respelled(tokens),
            Err(fault) => return (parsed, Some(fault)),
        }
    } else {
        tokens
    };
    let grammar: Box<dyn sqlparser::dialect::Dialect> = if dialect == Dialect::DuckDb && has_versions(&tokens) {
        Box::new(Bounded::of_duckdb(DuckDbDialect {}, tokens.len()).with_versions(true))
    } else {
        grammar_of(dialect, tokens.len())
    };
    let parser = Parser::new(&*grammar).with_recursion_limit(MAX_RECURSION);
    let fault = match parser.with_tokens_with_locations(tokens).parse_statements() {
        Err(error) => Some(syntax_fault(text, error)),
        Ok(statements) => match one_query(text, statements) {
            Ok(query) => {
                parsed.query = Some(query);
                None
            }
            Err(fault) => Some(fault),
        },
    };
    (parsed, fault)
}

/// The tokens without what the parser reads in PostgreSQL's grammar alone: `E'…'` is the text that it stands
/// for, and `[NOT] MATERIALIZED` of common table expressions says how DuckDB works, not what it gives.
fn respelled(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    for token in &mut tokens {
        if let Token::EscapedStringLiteral(text) = &mut token.token {
            token.token = Token::SingleQuotedString(std::mem::take(text));
        }
    }
    let is_word = |token: &TokenWithSpan, keyword: Keyword| matches!(&token.token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none());
    let places: Vec<usize> =
        (0..tokens.len()).filter(|&at| !matches!(tokens[at].token, Token::Whitespace(_))).collect();
    for position in 1..places.len().saturating_sub(1) {
        let (at, before) = (places[position], places[position - 1]);
        if !is_word(&tokens[at], Keyword::MATERIALIZED) || tokens[places[position + 1]].token != Token::LParen {
            continue;
        }
        let is_negated = is_word(&tokens[before], Keyword::NOT);
        let first = if is_negated { position.saturating_sub(2) } else { position - 1 };
        if is_word(&tokens[places[first]], Keyword::AS) {
            tokens[at].token = Token::Whitespace(Whitespace::Space);
            if is_negated {
                tokens[before].token = Token::Whitespace(Whitespace::Space);
            }
        }
    }
    tokens
}

/// Parses a text of any number of statements.
pub(crate) fn parse_statements(text: &SourceText<'_>, dialect: Dialect) -> Result<Vec<Statement>, Fault> {
    let grammar = grammar_of(dialect, 0);
    let mut tokens = Tokenizer::new(&*grammar, text.text).tokenize_with_location().map_err(|error| -> Fault {
        let at = text.offset(error.location);
        text.fault("SQL-0001", Span::new(at, text.text.len().min(at + 1)), lower(&error.message))
    })?;
    read_texts(text, dialect, &mut tokens)?;
    if let Some(fault) = bounds(text, &tokens) {
        return Err(fault);
    }
    let grammar = grammar_of(dialect, tokens.len());
    let parser = Parser::new(&*grammar).with_recursion_limit(MAX_RECURSION);
    parser.with_tokens_with_locations(tokens).parse_statements().map_err(|error| syntax_fault(text, error))
}

/// Parses the name of a type; `None` where it is none, or nests deeper than a name should.
pub(crate) fn parse_type(name: &str, dialect: Dialect) -> Option<ast::DataType> {
    if name.chars().filter(|c| matches!(c, '(' | '<' | '[')).count() > MAX_NESTING {
        return None;
    }
    let grammar = grammar_of(dialect, 0);
    let mut parser = Parser::new(&*grammar).with_recursion_limit(MAX_RECURSION).try_with_sql(name).ok()?;
    let found = parser.parse_data_type().ok()?;
    (parser.peek_token().token == Token::EOF).then_some(found)
}

fn grammar_of(dialect: Dialect, n_tokens: usize) -> Box<dyn sqlparser::dialect::Dialect> {
    match dialect {
        Dialect::DuckDb => Box::new(Bounded::of_duckdb(DuckDbDialect {}, n_tokens)),
        Dialect::DataFusion => Box::new(Bounded::new(GenericDialect {}, n_tokens)),
        Dialect::Postgres => Box::new(Bounded::new(PostgreSqlDialect {}, n_tokens)),
        Dialect::Spark => Box::new(Bounded::new(DatabricksDialect {}, n_tokens)),
        Dialect::Snowflake => Box::new(Bounded::new(SnowflakeDialect {}, n_tokens)),
        Dialect::BigQuery => Box::new(Bounded::new(BigQueryDialect {}, n_tokens)),
    }
}

fn one_query(text: &SourceText<'_>, mut statements: Vec<Statement>) -> Result<Box<Query>, Fault> {
    let whole = Span::new(0, text.text.len());
    if statements.len() > 1 {
        let message = format!("found {} statements, expected one `SELECT`", statements.len());
        let help = "keep one statement a model";
        return Err(Box::new(text.fault("SQL-0002", whole, message).with_help(help)));
    }
    match statements.pop() {
        Some(Statement::Query(query)) => Ok(query),
        Some(other) => {
            let found = other.to_string();
            let word = found.split_whitespace().next().unwrap_or("nothing").to_owned();
            Err(text.fault("SQL-0003", whole, format!("found `{word}`, expected a `SELECT`")))
        }
        None => Err(text.fault("SQL-0003", whole, "found no statement, expected a `SELECT`")),
    }
}

fn syntax_fault(text: &SourceText<'_>, error: ParserError) -> Fault {
    let whole = Span::new(0, text.text.len());
    match error {
        ParserError::RecursionLimitExceeded => text.fault("SQL-0004", whole, "expressions nest too deep to be parsed"),
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
            let (message, at) = match message.split_once(" at Line: ") {
                Some((message, place)) => (message.to_owned(), location(place)),
                None => (message, None),
            };
            let span = at.map_or(whole, |at| {
                let start = text.offset(at);
                Span::new(start, word_end(text.text, start))
            });
            text.fault("SQL-0001", span, lower(&message))
        }
    }
}

fn location(place: &str) -> Option<Location> {
    let (line, column) = place.split_once(", Column: ")?;
    Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
}

fn word_end(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or("");
    let length = rest.char_indices().find(|&(at, c)| at > 0 && !c.is_alphanumeric() && c != '_');
    length.map_or(text.len(), |(at, _)| start + at)
}

fn lower(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Refuses what would cost unbounded stack, and a select list that a macro left empty.
fn bounds(text: &SourceText<'_>, tokens: &[TokenWithSpan]) -> Option<Fault> {
    let (mut nesting, mut n_operators) = (0_usize, 0_usize);
    let mut before = Keyword::NoKeyword;
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => nesting += 1,
            Token::RParen | Token::RBracket | Token::RBrace => nesting = nesting.saturating_sub(1),
            Token::Word(word) => match word.keyword {
                Keyword::CASE => nesting += 1,
                Keyword::END => nesting = nesting.saturating_sub(1),
                Keyword::FROM if matches!(before, Keyword::SELECT | Keyword::DISTINCT) => {
                    let fault = text.fault("SQL-0005", text.span(token.span), "the select list is empty");
                    return Some(Box::new(fault.with_help("a macro may have left no column; name at least one")));
                }
                Keyword::NoKeyword => {}
                _ => n_operators += 1,
            },
            Token::Comma
            | Token::Period
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::EOF
            | Token::SemiColon => {}
            _ => n_operators += 1,
        }
        before = match &token.token {
            // `IS DISTINCT FROM` has no select list.
            Token::Word(word) if word.keyword == Keyword::DISTINCT && before != Keyword::SELECT => Keyword::NoKeyword,
            Token::Word(word) => word.keyword,
            _ => Keyword::NoKeyword,
        };
        if nesting > MAX_NESTING {
            let message = format!("parentheses or `CASE` nest deeper than {MAX_NESTING} levels");
            return Some(text.fault("SQL-0004", text.span(token.span), message));
        }
        if n_operators > MAX_OPERATORS {
            let message = format!("the text has more than {MAX_OPERATORS} operators and keywords");
            return Some(text.fault("SQL-0004", text.span(token.span), message));
        }
    }
    None
}

fn comments(text: &SourceText<'_>, tokens: &[TokenWithSpan]) -> Vec<(Span, Arc<str>)> {
    let mut found = Vec::new();
    for token in tokens {
        if let Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) = token.token {
            let span = text.span(token.span);
            let written = text.text.get(span.start as usize..span.end as usize).unwrap_or("").trim_end();
            found.push((Span::new(span.start as usize, span.start as usize + written.len()), Arc::from(written)));
        }
    }
    found
}

fn dotted_words(tokens: &[TokenWithSpan]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_glued = false;
    for token in tokens {
        match &token.token {
            Token::Word(word) if is_glued && !words.is_empty() => {
                if let Some(last) = words.last_mut() {
                    last.push('.');
                    last.push_str(&word.value);
                }
                is_glued = false;
            }
            Token::Word(word) => words.push(word.value.clone()),
            Token::Period => is_glued = true,
            _ => is_glued = false,
        }
    }
    words
}

fn loose_words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isomer_ir::Dialect;

    use super::{SourceText, parse, with_deep_stack};

    fn code_and_place(sql: &str) -> (String, String) {
        let source: Arc<str> = Arc::from("m");
        let text = SourceText::new(&source, sql);
        let fault = with_deep_stack(|| parse(&text, Dialect::DuckDb).1).unwrap();
        (format!("{}: {}", fault.code, fault.message), sql[fault.span.start as usize..fault.span.end as usize].into())
    }

    #[test]
    fn faults_have_a_code_and_a_place() {
        let cases = [
            ("SELECT FROM t", "SQL-0005: the select list is empty", "FROM"),
            ("SELECT a FRO t x", "SQL-0001: expected: end of statement, found: t", "t"),
            ("SELECT 'ü' +\n é é é", "SQL-0001: expected: end of statement, found: é", "é"),
            ("SELECT 1; SELECT 2", "SQL-0002: found 2 statements, expected one `SELECT`", "SELECT 1; SELECT 2"),
            ("DELETE FROM t", "SQL-0003: found `DELETE`, expected a `SELECT`", "DELETE FROM t"),
            ("", "SQL-0003: found no statement, expected a `SELECT`", ""),
        ];
        for (sql, message, place) in cases {
            assert_eq!(code_and_place(sql), (message.to_owned(), place.to_owned()), "{sql}");
        }
    }

    #[test]
    fn comments_have_places() {
        let source: Arc<str> = Arc::from("m");
        let sql = "-- one\nSELECT 1 /* two */";
        let text = SourceText::new(&source, sql);
        let (parsed, _) = parse(&text, Dialect::DuckDb);
        let shown: Vec<&str> =
            parsed.comments.iter().map(|(span, _)| &sql[span.start as usize..span.end as usize]).collect();
        assert_eq!(shown, ["-- one", "/* two */"]);
    }
}
