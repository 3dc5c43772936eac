//! Names of models and tables: from a file's name to SQL, and from SQL to a catalog key.

use std::sync::Arc;

use isomer_ir::Dialect;
use sqlparser::keywords::{Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS};
use sqlparser::tokenizer::{Token, Word};

/// How a dotted name is written in SQL: each part is quoted where it has to be.
pub(crate) fn sql_name(name: &str, dialect: Dialect) -> Arc<str> {
    let quote = if matches!(dialect, Dialect::Spark | Dialect::BigQuery) { '`' } else { '"' };
    let parts: Vec<String> = name.split('.').map(|part| quoted(part, quote)).collect();
    Arc::from(parts.join("."))
}

fn quoted(part: &str, quote: char) -> String {
    let is_plain = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain && !is_reserved(part) {
        return part.to_owned();
    }
    format!("{quote}{}{quote}", part.replace(quote, &format!("{quote}{quote}")))
}

fn is_reserved(part: &str) -> bool {
    const MORE: [Keyword; 14] = [
        Keyword::ALL,
        Keyword::AND,
        Keyword::AS,
        Keyword::BETWEEN,
        Keyword::CASE,
        Keyword::DISTINCT,
        Keyword::EXISTS,
        Keyword::FALSE,
        Keyword::IN,
        Keyword::NOT,
        Keyword::NULL,
        Keyword::OR,
        Keyword::TABLE,
        Keyword::TRUE,
    ];
    let Token::Word(Word { keyword, .. }) = Token::make_word(part, None) else { return false };
    RESERVED_FOR_TABLE_ALIAS.contains(&keyword)
        || RESERVED_FOR_COLUMN_ALIAS.contains(&keyword)
        || MORE.contains(&keyword)
}

/// The unquoted dotted name of a relation as SQL writes it, such as `"dev"."main"."orders"`.
pub(crate) fn unquoted(relation: &str) -> String {
    relation.chars().filter(|c| !matches!(c, '"' | '`')).collect()
}

/// The name of a model by its path: the file's name without its extension.
pub(crate) fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Whether a path lies in a folder, which is written with or without `/` at its end; `.` and the
/// empty path are the whole project.
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.strip_prefix("./").unwrap_or(folder).trim_end_matches('/');
    folder.is_empty() || folder == "." || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use isomer_ir::Dialect;

    use super::{is_below, sql_name, stem};

    #[test]
    fn names() {
        for (name, expect) in [
            ("stg_orders", "stg_orders"),
            ("raw.events", "raw.events"),
            ("order", "\"order\""),
            ("my model", "\"my model\""),
            ("2020", "\"2020\""),
            ("a\"b", "\"a\"\"b\""),
        ] {
            assert_eq!(&*sql_name(name, Dialect::DuckDb), expect);
        }
        assert_eq!(&*sql_name("raw.group", Dialect::Spark), "raw.`group`");
        assert_eq!(stem("models/a/stg.orders.sql"), "stg.orders");
    }

    #[test]
    fn folders() {
        for (path, folder, expect) in [
            ("models/a.sql", "models", true),
            ("models/a.sql", "./models/", true),
            ("models2/a.sql", "models", false),
            ("a.sql", ".", true),
            ("models/a.sql", "models/a.sql", false),
        ] {
            assert_eq!(is_below(path, folder), expect, "{path} below {folder}");
        }
    }
}
