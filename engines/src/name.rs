//! Names of relations: split into parts, folded, and quoted for SQL.

use crate::EngineError;

/// A relation's name in one to three parts, unquoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RelationName {
    /// Database, in DataFusion's words the catalog.
    pub(crate) database: Option<String>,
    /// Schema.
    pub(crate) schema: Option<String>,
    /// Table or view.
    pub(crate) table: String,
}

impl RelationName {
    /// Reads `a`, `a.b` or `a.b.c`; parts may be quoted with `"` or `` ` ``.
    ///
    /// Parts without quotes are folded to lower case, which DuckDB does not mind (it compares
    /// without case) and DataFusion does by itself.
    pub(crate) fn parse(text: &str) -> Result<Self, EngineError> {
        let refused = || EngineError::Name(text.to_owned());
        let mut parts = split(text).ok_or_else(refused)?;
        let table = parts.pop().ok_or_else(refused)?;
        let schema = parts.pop();
        let database = parts.pop();
        if parts.is_empty() { Ok(Self { database, schema, table }) } else { Err(refused()) }
    }

    /// The name for SQL, every part quoted.
    pub(crate) fn sql(&self) -> String {
        [self.database.as_deref(), self.schema.as_deref(), Some(self.table.as_str())]
            .into_iter()
            .flatten()
            .map(quoted)
            .collect::<Vec<_>>()
            .join(".")
    }
}

/// An identifier in double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text literal in single quotes.
pub(crate) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `None` for an empty part, an open quote, or text behind a closing quote.
fn split(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut chars = text.trim().chars().peekable();
    loop {
        let mut part = String::new();
        match chars.peek().copied() {
            Some(quote @ ('"' | '`')) => {
                chars.next();
                loop {
                    let c = chars.next()?;
                    if c != quote {
                        part.push(c);
                    } else if chars.next_if_eq(&quote).is_some() {
                        part.push(quote);
                    } else {
                        break;
                    }
                }
            }
            _ => {
                while let Some(c) = chars.next_if(|c| *c != '.' && *c != '"' && *c != '`') {
                    part.extend(c.to_lowercase());
                }
            }
        }
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match chars.next() {
            None => return Some(parts),
            Some('.') => {}
            Some(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RelationName;

    #[test]
    fn names() {
        let cases = [
            ("Orders", Some("\"orders\"")),
            ("staging.\"Orders\"", Some("\"staging\".\"Orders\"")),
            ("\"dev\".\"main\".\"a \"\"b\"\"\"", Some("\"dev\".\"main\".\"a \"\"b\"\"\"")),
            ("`a.b`.c", Some("\"a.b\".\"c\"")),
            ("", None),
            ("a..b", None),
            ("\"a", None),
            ("\"a\"b", None),
            ("a.b.c.d", None),
        ];
        for (text, expect) in cases {
            let found = RelationName::parse(text).ok().map(|name| name.sql());
            assert_eq!(found.as_deref(), expect, "{text}");
        }
    }
}
