//! `LIKE` patterns and regular expressions. A pattern that is a constant is read and spelled again
//! by the target's rules; one that is not is only written where the rules agree.

use super::target::Target;
use isomer_ir::{Function, ScalarId};

use super::expr::{ExprId, Kind, Level, Node, Piece};
use super::spell::{Spelled, Speller};
use crate::CodegenError;

/// A character of a `LIKE` pattern.
enum Like {
    Any,
    One,
    Char(char),
}

impl Speller<'_> {
    /// `value LIKE pattern`. Without a third argument no character escapes.
    pub(super) fn like(
        &mut self,
        args: &[ScalarId],
        done: &Spelled,
        operator: &'static str,
    ) -> Result<ExprId, CodegenError> {
        let (value, pattern, escape) = match args {
            [value, pattern] => (*value, *pattern, None),
            [value, pattern, escape] => (*value, *pattern, Some(*escape)),
            _ => {
                return Err(self.refuse(
                    "GEN-0001",
                    "`LIKE` with a wrong number of operands",
                    "this is a fault of Isomer; please report it",
                ));
            }
        };
        let escape_text = escape.map(|escape| self.text_of(escape).map(str::to_owned));
        let has_default_escape = self.dialect != Target::DuckDb;
        let (pattern, escape) = match (self.text_of(pattern).map(str::to_owned), escape_text) {
            (Some(text), Some(Some(escape))) => self.spelled_like(&text, escape.chars().next())?,
            (Some(text), None) => self.spelled_like(&text, None)?,
            (_, Some(None)) => {
                return Err(self.refuse(
                    "GEN-0022",
                    "`LIKE` with an escape that is no constant",
                    "write the escape as a text",
                ));
            }
            (None, Some(Some(escape))) => match self.dialect {
                Target::DuckDb | Target::Postgres | Target::Spark => (done[&pattern], Some(self.quote(&escape))),
                Target::DataFusion if escape == "\\" => (done[&pattern], None),
                Target::DataFusion => return Err(self.refuse_like()),
            },
            (None, None) if !has_default_escape => (done[&pattern], None),
            (None, None) if self.dialect == Target::Postgres => (done[&pattern], Some("''".to_owned())),
            (None, None) => return Err(self.refuse_like()),
        };
        let mut pieces = vec![
            Piece::Expr(done[&value], Level::Concat),
            Piece::Text(format!(" {operator} ").into()),
            Piece::Expr(pattern, Level::Concat),
        ];
        if let Some(escape) = escape {
            pieces.push(Piece::Text(format!(" ESCAPE {escape}").into()));
        }
        Ok(self.exprs.add(Node::Pieces { level: Level::Compare, pieces, kind: Kind::Plain }))
    }

    fn refuse_like(&self) -> CodegenError {
        self.refuse(
            "GEN-0022",
            "`LIKE` with a pattern that is no constant",
            "use `starts_with`, `ends_with` or `contains`",
        )
    }

    /// A constant pattern by the target's rules, with the escape that it needs.
    fn spelled_like(&mut self, text: &str, escape: Option<char>) -> Result<(ExprId, Option<String>), CodegenError> {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(next) = chars.next() {
            tokens.push(match next {
                _ if Some(next) == escape => match chars.next() {
                    Some(escaped) => Like::Char(escaped),
                    None => {
                        return Err(self.refuse(
                            "GEN-0022",
                            "a `LIKE` pattern that ends in its escape",
                            "double the escape",
                        ));
                    }
                },
                '%' => Like::Any,
                '_' => Like::One,
                _ => Like::Char(next),
            });
        }
        let needs_escape = tokens.iter().any(|token| {
            matches!(token, Like::Char('%' | '_'))
                || (matches!(token, Like::Char('\\')) && self.dialect != Target::DuckDb)
        });
        let mut spelled = String::with_capacity(text.len());
        for token in tokens {
            match token {
                Like::Any => spelled.push('%'),
                Like::One => spelled.push('_'),
                Like::Char(char) => {
                    if matches!(char, '%' | '_') || (char == '\\' && needs_escape) {
                        spelled.push('\\');
                    }
                    spelled.push(char);
                }
            }
        }
        let quoted = self.quote(&spelled);
        let pattern = self.exprs.text(quoted, Level::Primary);
        // Backslash is the default of the others.
        let escape = (needs_escape && self.dialect == Target::DuckDb).then(|| self.quote("\\"));
        Ok((pattern, escape))
    }

    /// Whether a regular expression matches somewhere in a text.
    pub(super) fn regexp_matches(&mut self, args: &[ScalarId], operands: &[ExprId]) -> Result<ExprId, CodegenError> {
        if self.dialect == Target::DuckDb {
            return Ok(self.exprs.call("regexp_matches", operands));
        }
        let (value, _) = self.two(operands, Function::RegexpMatches)?;
        let pattern = self.portable_regexp(args.get(1).copied())?;
        let operator = match self.dialect {
            Target::Spark => " RLIKE ",
            Target::DuckDb | Target::DataFusion | Target::Postgres => " ~ ",
        };
        Ok(self.exprs.infix(Level::Compare, value, operator, pattern))
    }

    /// Replaces the first match, or all with the flag `g`.
    pub(super) fn regexp_replace(&mut self, args: &[ScalarId], operands: &[ExprId]) -> Result<ExprId, CodegenError> {
        if self.dialect == Target::DuckDb {
            return Ok(self.exprs.call("regexp_replace", operands));
        }
        let pattern = self.portable_regexp(args.get(1).copied())?;
        let flags = args.get(3).map(|&flags| self.text_of(flags).map(str::to_owned));
        let is_global = match flags {
            None => false,
            Some(Some(flags)) if flags == "g" => true,
            Some(_) => {
                return Err(self.refuse(
                    "GEN-0023",
                    "`regexp_replace` with flags other than `g`",
                    "write the pattern without flags",
                ));
            }
        };
        let replacement = args.get(2).and_then(|&replacement| self.text_of(replacement));
        if replacement.is_none_or(|text| text.contains(['\\', '$', '&'])) {
            return Err(self.refuse(
                "GEN-0023",
                "`regexp_replace` by a text with references",
                "use a plain replacement",
            ));
        }
        let text = args.get(1).and_then(|&pattern| self.text_of(pattern)).unwrap_or_default();
        if self.dialect == Target::Spark && may_match_nothing(text) {
            // Java finds nothing once more behind each match.
            return Err(self.refuse(
                "GEN-0023",
                "`regexp_replace` by a pattern that matches nothing at all",
                "use `+` in place of `*`",
            ));
        }
        if self.dialect == Target::Spark && !is_global {
            return Err(self.refuse(
                "GEN-0023",
                "`regexp_replace` of the first match only",
                "replace all matches with the flag `g`",
            ));
        }
        let mut spelled = vec![operands[0], pattern, operands[2]];
        if is_global && self.dialect != Target::Spark {
            spelled.push(self.exprs.text("'g'", Level::Primary));
        }
        Ok(self.exprs.call("regexp_replace", &spelled))
    }

    /// A constant pattern of the subset that all engines read alike (RE2, Rust, Java, PostgreSQL).
    fn portable_regexp(&mut self, pattern: Option<ScalarId>) -> Result<ExprId, CodegenError> {
        let text = pattern.and_then(|pattern| self.text_of(pattern)).map(str::to_owned);
        let Some(text) = text else {
            return Err(self.refuse(
                "GEN-0024",
                "a regular expression that is no constant",
                "use `LIKE` or a constant pattern",
            ));
        };
        let Some(spelled) = respell(&text, self.dialect) else {
            let construct = format!("the regular expression `{text}`");
            return Err(self.refuse(
                "GEN-0024",
                construct,
                "keep to characters, classes, groups, `|`, `*`, `+` and `?`",
            ));
        };
        let quoted = self.quote(&spelled);
        Ok(self.exprs.text(quoted, Level::Primary))
    }
}

/// A pattern without what engines read differently; `None` where it is not known to be portable.
fn respell(pattern: &str, dialect: Target) -> Option<String> {
    let mut spelled = String::new();
    let mut chars = pattern.chars().peekable();
    let mut is_class = false;
    let mut was_repeat = false;
    while let Some(next) = chars.next() {
        let is_repeat = matches!(next, '*' | '+' | '?') && !is_class;
        if is_repeat && was_repeat {
            return None; // Possessive and lazy forms.
        }
        was_repeat = is_repeat;
        match next {
            '\\' => match chars.next()? {
                'd' => spelled.push_str(if is_class { "0-9" } else { "[0-9]" }),
                'w' => spelled.push_str(if is_class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
                escaped @ ('.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' | '\\' | '/'
                | '-') => {
                    spelled.push('\\');
                    spelled.push(escaped);
                }
                _ => return None,
            },
            '[' if is_class => return None,
            '[' => {
                is_class = true;
                spelled.push('[');
                // A negated class takes line ends in some engines only.
                if chars.peek() == Some(&'^') || chars.peek() == Some(&']') {
                    return None;
                }
            }
            ']' if is_class => {
                is_class = false;
                spelled.push(']');
            }
            '&' | '~' | '^' if is_class => return None,
            '(' if chars.peek() == Some(&'?') => return None,
            '.' if !is_class => spelled.push_str(if dialect == Target::Postgres { "[^\n]" } else { "." }),
            '$' if !is_class => spelled.push_str(if dialect == Target::Spark { "\\z" } else { "$" }),
            '{' if !is_class => return None,
            _ => spelled.push(next),
        }
    }
    (!is_class).then_some(spelled)
}

/// Whether a portable pattern may match the empty text.
fn may_match_nothing(pattern: &str) -> bool {
    let chars: Vec<char> = pattern.chars().collect();
    alternatives_match_nothing(&chars, &mut 0)
}

/// The alternatives from a position to the parenthesis that closes them.
fn alternatives_match_nothing(chars: &[char], at: &mut usize) -> bool {
    let (mut is_any_empty, mut is_empty) = (false, true);
    while let Some(&next) = chars.get(*at) {
        *at += 1;
        let is_atom_empty = match next {
            '|' => {
                is_any_empty |= std::mem::replace(&mut is_empty, true);
                continue;
            }
            ')' => break,
            '(' => alternatives_match_nothing(chars, at),
            '^' | '$' => true,
            '[' => {
                // A bracket that stands first or is escaped does not close the class.
                let start = *at;
                while let Some(&inner) = chars.get(*at) {
                    *at += 1 + usize::from(inner == '\\');
                    if inner == ']' && *at > start + 1 {
                        break;
                    }
                }
                false
            }
            '\\' => {
                *at += 1;
                false
            }
            _ => false,
        };
        let is_optional = matches!(chars.get(*at), Some('*' | '?'));
        *at += usize::from(is_optional || chars.get(*at) == Some(&'+'));
        is_empty &= is_atom_empty || is_optional;
    }
    is_any_empty || is_empty
}

#[cfg(test)]
mod tests {
    use super::may_match_nothing;

    #[test]
    fn patterns_of_nothing() {
        for pattern in ["", "b*", "a?", "(a|)", "^", "a*b*", "(a*)+", "x|y*", "^$"] {
            assert!(may_match_nothing(pattern), "{pattern}");
        }
        for pattern in ["b", "b+", "[*]", "a*b", "(a|b)", "\\*", "[]*]", "^a", "x|yz*", "(a*b)+"] {
            assert!(!may_match_nothing(pattern), "{pattern}");
        }
    }
}
