//! The header `MODEL (…);` of a SQLMesh model: a list of properties between commas.

use isomer_ir::{Span, TestedClaim};

use super::smelt_calls::skip_token;

/// A name, what stands behind it, and its place.
pub(crate) type Property = (String, String, Span);

/// What a header says.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<Kind>,
    pub(crate) dialect: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) is_enabled: bool,
    /// Columns with their types.
    pub(crate) columns: Vec<Property>,
    /// What grain and audits say: columns, claim, who says so.
    pub(crate) facts: Vec<(Vec<String>, TestedClaim, String)>,
}

/// How a model is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A table, made anew each time.
    Full,
    /// A view.
    View,
    /// Written into its readers.
    Embedded,
    /// A file.
    Seed(String),
    /// More than its query: incremental, slowly changing, managed.
    Other(String),
}

/// Reads the header whose word `MODEL` stands at `start`; and where the query begins.
pub(crate) fn read_header(text: &str, start: usize) -> Option<(Header, usize)> {
    let open = start + text[start..].find('(')?;
    let close = closing(text, open + 1)?;
    let after = close + 1 + text[close + 1..].find(';')? + 1;
    let mut header = Header {
        name: None,
        kind: None,
        dialect: None,
        tags: Vec::new(),
        is_enabled: true,
        columns: Vec::new(),
        facts: Vec::new(),
    };
    for (key, value, span) in properties(text, open + 1, close) {
        let listed = || items(&value);
        match key.to_lowercase().as_str() {
            "name" => header.name = Some(value),
            "kind" => header.kind = Some(kind(&value)),
            "dialect" => header.dialect = Some(word(&value)),
            "tags" => header.tags = listed().iter().map(|tag| word(tag)).collect(),
            "enabled" => header.is_enabled = !value.eq_ignore_ascii_case("false"),
            "columns" => {
                let columns = listed().into_iter().filter_map(|column| pair(&column));
                header.columns = columns.map(|(name, data_type)| (name, data_type, span)).collect();
            }
            "grain" => header.facts.push((listed(), TestedClaim::Unique, "grain".to_owned())),
            "grains" => {
                let grains = listed().into_iter().map(|grain| (items(&grain), TestedClaim::Unique, "grain".to_owned()));
                header.facts.extend(grains);
            }
            "audits" | "assertions" => header.facts.extend(listed().iter().filter_map(|audit| read_audit(audit))),
            _ => {}
        }
    }
    Some((header, after))
}

fn kind(value: &str) -> Kind {
    let (name, settings) = match value.split_once('(') {
        Some((name, settings)) => (name.trim(), settings),
        None => (value, ""),
    };
    let end = closing(settings, 0).unwrap_or(settings.len());
    let setting = |key: &str| {
        let found = properties(settings, 0, end).into_iter().find(|(name, ..)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value, _)| word(&value))
    };
    match name.to_uppercase().as_str() {
        "FULL" => Kind::Full,
        "VIEW" if setting("materialized").is_some_and(|word| word.eq_ignore_ascii_case("true")) => {
            Kind::Other("a materialized view".to_owned())
        }
        "VIEW" => Kind::View,
        "EMBEDDED" => Kind::Embedded,
        "SEED" => Kind::Seed(setting("path").unwrap_or_default()),
        other => Kind::Other(other.to_owned()),
    }
}

/// The audits that prove something of all rows; one that does not block proves nothing.
fn read_audit(audit: &str) -> Option<(Vec<String>, TestedClaim, String)> {
    let (name, arguments) = audit.split_once('(')?;
    let arguments = &arguments[..closing(arguments, 0)?];
    let argument = |key: &str| {
        arguments_of(arguments).into_iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    };
    let is_partial = |key: &str| argument(key).is_some();
    if is_partial("condition") || argument("blocking").is_some_and(|word| word.eq_ignore_ascii_case("false")) {
        return None;
    }
    let name = name.trim().to_lowercase();
    let columns = items(&argument("columns").or_else(|| argument("column"))?);
    let claim = match name.as_str() {
        "not_null" => TestedClaim::NotNull,
        "unique_combination_of_columns" => TestedClaim::Unique,
        // Each column by itself.
        "unique_values" if columns.len() == 1 => TestedClaim::Unique,
        "accepted_values" => {
            TestedClaim::OneOf(items(&argument("is_in")?).iter().map(|value| word(value).into()).collect())
        }
        _ => return None,
    };
    Some((columns, claim, format!("audit {name}")))
}

/// `columns := (a, b), is_in := ('x')`.
fn arguments_of(text: &str) -> Vec<(String, String)> {
    let parts = split(text, 0, text.len()).into_iter();
    let pairs = parts.filter_map(|(from, to)| text[from..to].split_once(":="));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

/// Properties between commas: a word, and what stands behind it.
fn properties(text: &str, from: usize, to: usize) -> Vec<Property> {
    let parts = split(text, from, to).into_iter();
    let property = |(from, to): (usize, usize)| {
        let (name, value) = pair(&without_comments(&text[from..to]))?;
        Some((name, value, Span::new(from, to)))
    };
    parts.filter_map(property).collect()
}

/// The first word of a text, and the rest.
fn pair(text: &str) -> Option<(String, String)> {
    let text = text.trim();
    let end = text.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(text.len());
    (end > 0).then(|| (unquoted_word(&text[..end]), text[end..].trim().to_owned()))
}

/// The items of `(a, b)` or `[a, b]`, or the one item that stands without brackets.
fn items(text: &str) -> Vec<String> {
    let text = text.trim();
    let is_list = text.starts_with(['(', '[']) && text.ends_with([')', ']']);
    let (from, to) = if is_list { (1, text.len() - 1) } else { (0, text.len()) };
    let parts = split(text, from, to).into_iter().map(|(from, to)| without_comments(&text[from..to]));
    parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// A word without the quotes around it.
fn word(text: &str) -> String {
    unquoted_word(text.trim())
}

fn unquoted_word(text: &str) -> String {
    text.trim_matches(['\'', '"', '`']).to_owned()
}

/// Ranges between the commas that stand in no bracket.
fn split(text: &str, from: usize, to: usize) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let (mut at, mut start, mut depth) = (from, from, 0_usize);
    while at < to {
        let next = skip_token(&text[..to], at);
        match &text[at..next] {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                ranges.push((start, at));
                start = next;
            }
            _ => {}
        }
        at = next;
    }
    ranges.push((start, to));
    ranges
}

/// Where the bracket closes whose inside begins at `from`.
fn closing(text: &str, from: usize) -> Option<usize> {
    let (mut at, mut depth) = (from, 0_usize);
    while at < text.len() {
        let next = skip_token(text, at);
        match &text[at..next] {
            "(" => depth += 1,
            ")" if depth == 0 => return Some(at),
            ")" => depth -= 1,
            _ => {}
        }
        at = next;
    }
    None
}

/// The text with blanks for its comments.
fn without_comments(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let next = skip_token(text, at);
        let token = &text[at..next];
        clean.push_str(if token.starts_with("--") || token.starts_with("/*") { " " } else { token });
        at = next;
    }
    clean
}
