//! Python models of an Interlace project: functions under `@model` and `@stream`.
//!
//! Python is not run and not parsed; what a model is called, what it reads and which columns it is
//! declared to have are read off its decorator and its parameters. Its rows are opaque.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Dialect, Materialise, Model, Span, fold};

use super::claims::Claims;
use super::name::sql_name;
use super::settings::{ColumnDecl, SourceDecl};
use super::smelt::kept_as_written;

/// Parameters that name no model: what the last build left.
const RESERVED: [&str; 2] = ["cursor", "this"];

/// The models of a file.
pub(crate) fn python_models(
    path: &str,
    text: &str,
    dialect: Dialect,
    found: &mut Vec<Diagnostic>,
) -> Vec<(Model, Claims)> {
    let source: Arc<str> = Arc::from(path);
    let mut models = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at + line.len() - line.trim_start().len();
        at += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let rest = &text[start..];
        let word = ["@model", "@stream"].into_iter().find(|word| {
            let next = rest.strip_prefix(word).and_then(|rest| rest.chars().next());
            next.is_some_and(|next| next == '(' || next.is_whitespace())
        });
        let Some(word) = word else { continue };
        let decorator = rest[word.len()..].strip_prefix('(').map_or("", |inside| inside_brackets(inside));
        let Some((function, parameters)) = function_below(&rest[word.len() + decorator.len()..]) else { continue };
        let name = argument(decorator, "name").and_then(texts_first).unwrap_or(function);
        let own = argument(decorator, "depends_on").map(texts).unwrap_or_default();
        let read = parameters.split(',').map(|part| part.split(['=', ':']).next().unwrap_or_default().trim());
        let read = read.filter(|name| !name.is_empty() && !name.starts_with('*') && !RESERVED.contains(name));
        let declared_reads =
            if word == "@model" { own.into_iter().chain(read).map(fold).collect() } else { Vec::new() };
        found.push(kept_as_written(&source, name, "Python"));
        let model = Model {
            name: Arc::from(name),
            key: fold(name),
            sql_name: sql_name(name, dialect),
            path: Arc::clone(&source),
            original: Arc::from(text),
            sql: Arc::from(""),
            dialect,
            materialise: Materialise::Table,
            tags: argument(decorator, "tags").map(texts).unwrap_or_default().into_iter().map(Arc::from).collect(),
            is_rewritable: false,
            is_opaque: true,
            declared_reads,
            is_folded: false,
            folded: Vec::new(),
        };
        let span = Span::new(start, start + word.len());
        let mut result = SourceDecl::of(name.to_owned(), span);
        result.columns = argument(decorator, "columns").map(|value| columns(value, span)).unwrap_or_default();
        models.push((model, Claims { result, facts: Vec::new() }));
    }
    models
}

/// `{"id": "BIGINT", "note": None}`: columns with their types.
fn columns(value: &str, span: Span) -> Vec<ColumnDecl> {
    let Some(inside) = value.trim().strip_prefix('{') else { return Vec::new() };
    let decl = |pair: &str| {
        let (name, data_type) = pair.split_once(':')?;
        let name = texts_first(name)?.to_owned();
        let type_name = texts_first(data_type).map(|data_type| (data_type.to_owned(), span));
        Some(ColumnDecl { name, span, type_name, is_nullable: true, n_distinct: None })
    };
    parts(inside_brackets(inside)).into_iter().filter_map(decl).collect()
}

/// The name and the parameters of the function that a decorator stands over.
fn function_below(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    while let Some(at) = rest.find("def ") {
        let before = rest[..at].trim_end();
        // `async def`, or the first word of its line.
        if before.is_empty() || before.ends_with("async") || rest[..at].ends_with('\n') || before.ends_with(')') {
            let signature = &rest[at + 4..];
            let open = signature.find('(')?;
            return Some((signature[..open].trim(), inside_brackets(&signature[open + 1..])));
        }
        rest = &rest[at + 4..];
    }
    None
}

/// The value of a keyword argument.
fn argument<'a>(arguments: &'a str, name: &str) -> Option<&'a str> {
    parts(arguments).into_iter().find_map(|part| {
        let value = without_comments(part).strip_prefix(name)?.trim_start().strip_prefix('=')?;
        (!value.starts_with('=')).then_some(value.trim())
    })
}

/// The text from its first line on that is no comment.
fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(comment) = rest.strip_prefix('#') {
        rest = comment.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
    }
    rest
}

/// The quoted texts in a piece of Python.
fn texts(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['"', '\'']) {
        let quote = rest.as_bytes()[open] as char;
        let inside = &rest[open + 1..];
        let Some(close) = inside.find(quote) else { break };
        found.push(&inside[..close]);
        rest = &inside[close + 1..];
    }
    found
}

fn texts_first(text: &str) -> Option<&str> {
    texts(text).first().copied()
}

/// The text up to the bracket that closes the one before it.
fn inside_brackets(text: &str) -> &str {
    let mut end = text.len();
    scan(text, &mut |at, depth, _| {
        if depth < 0 {
            end = at;
        }
        depth >= 0
    });
    &text[..end]
}

/// The parts between commas that stand in no bracket.
fn parts(text: &str) -> Vec<&str> {
    let mut cuts = vec![0];
    scan(text, &mut |at, depth, byte| {
        if depth == 0 && byte == b',' {
            cuts.push(at + 1);
        }
        depth >= 0
    });
    cuts.push(text.len() + 1);
    cuts.windows(2).map(|cut| &text[cut[0].min(text.len())..cut[1] - 1]).collect()
}

/// Shows every byte outside of texts and comments with its depth of brackets, until it is told to end.
fn scan(text: &str, goes_on: &mut dyn FnMut(usize, i32, u8) -> bool) {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => {
                let close = bytes[at + 1..].iter().position(|byte| *byte == quote);
                at += close.map_or(bytes.len(), |close| close + 1);
            }
            b'#' => at += bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()),
            byte => {
                depth += i32::from(matches!(byte, b'(' | b'[' | b'{')) - i32::from(matches!(byte, b')' | b']' | b'}'));
                if !goes_on(at, depth, byte) {
                    return;
                }
            }
        }
        at += 1;
    }
}
