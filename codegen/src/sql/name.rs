//! Names: when an identifier must be quoted, how it is quoted, and how names are made unique.

use super::target::Target;
use rustc_hash::FxHashSet;

/// Words that at least one of the four dialects does not take as a bare column or table name.
/// Sorted; quoting one word too many is harmless.
const RESERVED: &[&str] = &[
    "add",
    "all",
    "alter",
    "analyse",
    "analyze",
    "and",
    "anti",
    "any",
    "array",
    "as",
    "asc",
    "asof",
    "asymmetric",
    "at",
    "authorization",
    "begin",
    "between",
    "binary",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "cluster",
    "collate",
    "collation",
    "column",
    "columns",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "cube",
    "current",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "database",
    "default",
    "deferrable",
    "delete",
    "desc",
    "describe",
    "distinct",
    "distribute",
    "div",
    "do",
    "drop",
    "else",
    "end",
    "escape",
    "except",
    "exclude",
    "exists",
    "explain",
    "extract",
    "false",
    "fetch",
    "filter",
    "following",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "function",
    "glob",
    "global",
    "grant",
    "group",
    "grouping",
    "groups",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "insert",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lambda",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "local",
    "localtime",
    "localtimestamp",
    "map",
    "match",
    "minus",
    "natural",
    "not",
    "notnull",
    "null",
    "nulls",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "over",
    "overlaps",
    "partition",
    "pivot",
    "pivot_longer",
    "pivot_wider",
    "placing",
    "position",
    "positional",
    "preceding",
    "primary",
    "qualify",
    "range",
    "recursive",
    "references",
    "respect",
    "returning",
    "right",
    "rlike",
    "row",
    "rows",
    "select",
    "semi",
    "session_user",
    "set",
    "show",
    "similar",
    "some",
    "sort",
    "struct",
    "substring",
    "summarize",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "top",
    "trailing",
    "trim",
    "true",
    "try_cast",
    "union",
    "unique",
    "unknown",
    "unnest",
    "unpivot",
    "update",
    "use",
    "user",
    "using",
    "values",
    "variadic",
    "verbose",
    "view",
    "when",
    "where",
    "window",
    "with",
    "within",
    "without",
];

/// Whether a name may stand bare.
fn is_bare(name: &str, dialect: Target) -> bool {
    let mut bytes = name.bytes();
    let is_letter = |byte: u8| {
        byte == b'_'
            || byte.is_ascii_lowercase()
            || (byte.is_ascii_uppercase() && matches!(dialect, Target::DuckDb | Target::Spark))
    };
    bytes.next().is_some_and(is_letter)
        && bytes.all(|byte| is_letter(byte) || byte.is_ascii_digit())
        && RESERVED.binary_search(&name.to_ascii_lowercase().as_str()).is_err()
}

/// A name as it is written.
pub(super) fn quoted(name: &str, dialect: Target) -> String {
    if is_bare(name, dialect) {
        return name.to_owned();
    }
    match dialect {
        Target::Spark => format!("`{}`", name.replace('`', "``")),
        Target::DuckDb | Target::DataFusion | Target::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A qualified name in the quotes of a dialect: a project may write its names for another one.
pub(super) fn requoted(name: &str, dialect: Target) -> String {
    let (own, other) = if dialect == Target::Spark { ('`', '"') } else { ('"', '`') };
    if !name.contains(other) || name.contains(own) {
        return name.to_owned();
    }
    name.replace(other, &own.to_string())
}

/// A plain identifier made of a hint: lower-case letters, digits and underscores.
pub(super) fn identifier(hint: &str, fallback: &str) -> String {
    let mut name = String::new();
    for part in hint.chars() {
        if part.is_alphanumeric() || part == '_' {
            name.extend(part.to_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        // PostgreSQL cuts names at 63 bytes; room is left for a number behind it.
        if name.len() >= 56 {
            break;
        }
    }
    let name = name.trim_end_matches('_');
    if name.is_empty() || name.starts_with(|first: char| first.is_numeric()) {
        return fallback.to_owned();
    }
    name.to_owned()
}

/// Names taken so far, compared without case.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken(FxHashSet<String>);

impl Taken {
    /// Takes a name as it is; `false` where it was taken before.
    pub(super) fn take(&mut self, name: &str) -> bool {
        self.0.insert(name.to_lowercase())
    }

    /// Takes names as they are, in any order.
    pub(super) fn take_all<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        self.0.extend(names.map(str::to_lowercase));
    }

    /// `name`, or `name_2`, `name_3`, …: the first that is free, which is then taken.
    pub(super) fn unique(&mut self, name: &str) -> String {
        if self.take(name) {
            return name.to_owned();
        }
        let mut n = 2_u32;
        loop {
            let candidate = format!("{name}_{n}");
            if self.take(&candidate) {
                return candidate;
            }
            n += 1;
        }
    }
}

/// A short table alias: the first letters of the name's words.
pub(super) fn alias(name: &str) -> String {
    let plain = identifier(last_part(name), "t");
    let words = plain.split('_').filter_map(|word| word.chars().next());
    let initials: String = words.filter(char::is_ascii_lowercase).take(3).collect();
    if initials.is_empty() || RESERVED.binary_search(&initials.as_str()).is_ok() {
        return plain;
    }
    initials
}

/// The last part of a dotted name without quotes.
pub(super) fn last_part(name: &str) -> &str {
    let trimmed = name.trim_end_matches(['"', '`']);
    trimmed.rsplit(['.', '"', '`']).next().unwrap_or(trimmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_sorted() {
        assert!(RESERVED.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn quoting() {
        for (name, dialect, expect) in [
            ("user_id", Target::DuckDb, "user_id"),
            ("UserId", Target::DuckDb, "UserId"),
            ("UserId", Target::Postgres, "\"UserId\""),
            ("UserId", Target::DataFusion, "\"UserId\""),
            ("order", Target::Spark, "`order`"),
            ("a b", Target::DuckDb, "\"a b\""),
            ("a\"b", Target::DuckDb, "\"a\"\"b\""),
            ("a`b", Target::Spark, "`a``b`"),
            ("1st", Target::Postgres, "\"1st\""),
            ("", Target::Postgres, "\"\""),
        ] {
            assert_eq!(quoted(name, dialect), expect);
        }
    }

    #[test]
    fn aliases() {
        for (name, expect) in
            [("raw_events", "re"), ("main.\"Orders\"", "o"), ("in_stock", "in_stock"), ("c", "c"), ("`a`.`b_c`", "bc")]
        {
            assert_eq!(alias(name), expect, "{name}");
        }
    }

    #[test]
    fn unique_names() {
        let mut taken = Taken::default();
        assert_eq!(taken.unique("a"), "a");
        assert_eq!(taken.unique("A"), "A_2");
        assert_eq!(taken.unique("a"), "a_3");
    }

    #[test]
    fn identifiers() {
        assert_eq!(identifier("count_star()", "c"), "count_star");
        assert_eq!(identifier("sum(a * b)", "c"), "sum_a_b");
        assert_eq!(identifier("42", "c"), "c");
    }
}
