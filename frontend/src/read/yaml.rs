//! YAML as a tree of nodes with spans, and the questions readers ask of it.
//!
//! JSON is YAML, so a JSON text is read by the same road. What the keys mean is the readers'
//! business.

use std::fmt;
use std::sync::Arc;

use isomer_ir::{Diagnostic, Span, nearest};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DefaultMessageFormatter, Spanned};

/// A node of a YAML document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Where the node stands.
    pub(crate) span: Span,
    /// What it holds.
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// Stands for settings where only a name is given.
const NOTHING: Node = Node { span: Span { start: 0, end: 0 }, value: Value::Null };

/// A key of a mapping with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key as text.
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) span: Span,
    /// The value.
    pub(crate) node: Node,
}

/// The file that is being read, and what was found in it.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    /// Path of the file.
    pub(crate) source: Arc<str>,
    /// Everything found so far, in this file and others.
    pub(crate) found: &'a mut Vec<Diagnostic>,
}

impl Reading<'_> {
    /// Records a fault of the project.
    pub(crate) fn fault(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.found.push(Diagnostic::project(code, &self.source, span, message));
    }

    /// Records a fault of the project with what to do next.
    pub(crate) fn fault_with(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: String) {
        self.found.push(Diagnostic::project(code, &self.source, span, message).with_help(help));
    }

    fn wrong_kind(&mut self, what: &str, expected: &str, node: &Node) {
        let message = format!("found {} as `{what}`, expected {expected}", node.value.kind());
        self.fault("PRJ-0005", node.span, message);
    }

    /// The entries of a mapping; nothing stands for an empty one.
    pub(crate) fn entries<'n>(&mut self, what: &str, node: &'n Node) -> &'n [Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => {
                self.wrong_kind(what, "a mapping", node);
                &[]
            }
        }
    }

    /// The entries of a mapping, each of whose keys must be one of `known`.
    pub(crate) fn settings<'n>(&mut self, what: &str, node: &'n Node, known: &[&str]) -> Vec<&'n Entry> {
        let mut settings = Vec::new();
        for entry in self.entries(what, node) {
            if known.contains(&entry.key.as_str()) {
                settings.push(entry);
            } else {
                let message = format!("found `{}` in {what}, expected a known setting", entry.key);
                let help = did_you_mean(&entry.key, known.iter().copied());
                self.fault_with("PRJ-0004", entry.span, message, help);
            }
        }
        settings
    }

    /// Things by name: a mapping from name to settings, or a list of settings with `name` among them.
    pub(crate) fn named<'n>(&mut self, what: &str, node: &'n Node) -> Vec<(String, Span, &'n Node)> {
        let Value::List(items) = &node.value else {
            let entries = self.entries(what, node).iter();
            return entries.map(|entry| (entry.key.clone(), entry.span, &entry.node)).collect();
        };
        let mut named = Vec::new();
        for item in items {
            if let Value::Text(name) = &item.value {
                named.push((name.clone(), item.span, &NOTHING));
                continue;
            }
            match self.entries(what, item).iter().find(|entry| entry.key == "name") {
                Some(entry) => {
                    named.extend(self.text("name", &entry.node).map(|name| (name, entry.node.span, item)));
                }
                None => self.fault("PRJ-0005", item.span, format!("found an item of `{what}` without `name`")),
            }
        }
        named
    }

    /// The items of a list; one item may stand without its list.
    pub(crate) fn items<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            Value::Null => &[],
            Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Map(_) => {
                std::slice::from_ref(node)
            }
        }
    }

    /// A text, number or truth value as text.
    pub(crate) fn text(&mut self, what: &str, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Boolean(value) => Some(value.to_string()),
            Value::Integer(value) => Some(value.to_string()),
            Value::Float(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.wrong_kind(what, "a text", node);
                None
            }
        }
    }

    /// A list of texts, or one text, with their places.
    pub(crate) fn texts(&mut self, what: &str, node: &Node) -> Vec<(String, Span)> {
        let items = self.items(node);
        items.iter().filter_map(|item| Some((self.text(what, item)?, item.span))).collect()
    }

    /// A truth value; `yes`, `no`, `on` and `off` are words elsewhere and truth values here.
    pub(crate) fn boolean(&mut self, what: &str, node: &Node) -> Option<bool> {
        match &node.value {
            Value::Boolean(value) => return Some(*value),
            Value::Text(text) => match text.to_lowercase().as_str() {
                "true" | "yes" | "on" => return Some(true),
                "false" | "no" | "off" => return Some(false),
                _ => {}
            },
            Value::Null | Value::Integer(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {}
        }
        self.wrong_kind(what, "`true` or `false`", node);
        None
    }

    /// A number from `least` to `most`.
    pub(crate) fn number(&mut self, what: &str, node: &Node, least: f64, most: f64) -> Option<f64> {
        let number = match &node.value {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Text(text) => text.replace('_', "").parse().ok(),
            Value::Null | Value::Boolean(_) | Value::List(_) | Value::Map(_) => None,
        };
        let most_text = if most >= 1e6 { format!("{most:e}") } else { most.to_string() };
        let expected = format!("a number from {least} to {most_text}");
        match number.filter(|number| number.is_finite()) {
            Some(number) if (least..=most).contains(&number) => Some(number),
            Some(number) => {
                self.fault("PRJ-0005", node.span, format!("found {number} as `{what}`, expected {expected}"));
                None
            }
            None => {
                self.wrong_kind(what, &expected, node);
                None
            }
        }
    }
}

impl Value {
    fn kind(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Boolean(value) => format!("`{value}`"),
            Self::Integer(value) => format!("`{value}`"),
            Self::Float(value) => format!("`{value}`"),
            Self::Text(text) => format!("`{text}`"),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// Help that names the nearest of `known`, or all of them.
pub(crate) fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    /// More names than this are no help.
    const MOST_NAMED: usize = 20;
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(found, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    if known.is_empty() {
        return "there are none".to_owned();
    }
    let named: Vec<String> = known.iter().take(MOST_NAMED).map(|name| format!("`{name}`")).collect();
    let rest = known.len().saturating_sub(MOST_NAMED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("known are {}{more}", named.join(", "))
}

/// Parses a document. What is broken is recorded as `PRJ-0003` with its place.
pub(crate) fn parse(bytes: &[u8], reading: &mut Reading<'_>) -> Option<Node> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let place = error.valid_up_to();
            reading.fault("PRJ-0003", Span::new(place, place + 1), "found bytes that are not UTF-8, expected YAML");
            return None;
        }
    };
    // A column may be called `y` or `no`.
    let options = serde_saphyr::options! { strict_booleans: true };
    match serde_saphyr::from_str_with_options::<Option<Node>>(text, options) {
        Ok(node) => Some(node.unwrap_or(Node { span: Span::default(), value: Value::Null })),
        Err(error) => {
            let error = error.without_snippet();
            let span = error.location().map(|location| place_of(location, text)).unwrap_or_default();
            let (line, column) = span.line_column(text);
            let message = error.render_with_formatter(&DefaultMessageFormatter);
            let message = message.lines().next().unwrap_or_default();
            let message = message.split(" at line ").next().unwrap_or_default().trim_end_matches('.');
            reading.fault("PRJ-0003", span, format!("found broken YAML at line {line}, column {column}: {message}"));
            None
        }
    }
}

/// As [`span_of`], by line and column where the parser knows no bytes.
fn place_of(location: serde_saphyr::Location, text: &str) -> Span {
    if location.span().byte_offset().is_some() {
        return span_of(location);
    }
    let lines = text.split_inclusive('\n').take((location.line() as usize).saturating_sub(1));
    let start: usize = lines.map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let columns = (location.column() as usize).saturating_sub(1);
    let start = start + rest.chars().take(columns).map(char::len_utf8).sum::<usize>();
    Span::new(start, start + 1)
}

fn span_of(location: serde_saphyr::Location) -> Span {
    let span = location.span();
    match (span.byte_offset(), span.byte_len()) {
        (Some(start), Some(len)) => Span::new(start as usize, (start + len) as usize),
        (Some(_) | None, _) => Span::default(),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { span: span_of(spanned.referenced), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, node)) = map.next_entry::<Spanned<String>, Node>()? {
            entries.push(Entry { key: key.value, span: span_of(key.referenced), node });
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Node, Reading, Value, parse};

    fn read(text: &str) -> (Option<Node>, Vec<String>) {
        let mut found = Vec::new();
        let node = parse(text.as_bytes(), &mut Reading { source: Arc::from("f.yml"), found: &mut found });
        (node, found.into_iter().map(|diagnostic| diagnostic.message).collect())
    }

    #[test]
    fn spans_are_bytes_of_the_text() {
        let text = "ä: 1\nlist: [a, {b: 2}]\n1: x\n";
        let (node, found) = read(text);
        assert_eq!(found, Vec::<String>::new());
        let Value::Map(entries) = node.unwrap().value else { panic!("expected a mapping") };
        let at = |span: isomer_ir::Span| &text[span.start as usize..span.end as usize];
        let keys: Vec<&str> = entries.iter().map(|entry| at(entry.span)).collect();
        assert_eq!(keys, ["ä", "list", "1"]);
        let Value::List(items) = &entries[1].node.value else { panic!("expected a list") };
        assert_eq!(at(items[0].span), "a");
    }

    #[test]
    fn broken_texts() {
        for (text, place) in [
            ("a: [1,\nb: 2", "line 1, column 4: unclosed bracket"),
            ("a: 1\n b: 2", "line 2"),
            ("a: 1\na: 2\n", "line 2"),
            ("a: \"x", "line 1"),
        ] {
            let (node, found) = read(text);
            assert!(node.is_none() && found.len() == 1 && found[0].contains(place), "{text:?} gives {found:?}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(read(&deep).1.len(), 1);
        assert_eq!(read("").0.unwrap().value, Value::Null);
        assert_eq!(read("# nothing\n").0.unwrap().value, Value::Null);
    }
}
