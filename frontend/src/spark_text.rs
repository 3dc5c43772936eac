//! Texts in quotes as Spark reads them: a backslash escapes, and only some letters behind it mean
//! something else than themselves.

use isomer_ir::Dialect;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::parse::{Fault, SourceText};

/// Gives the texts among tokens of Spark their values. A doubled quote is a fault: Spark 4.0 reads
/// nothing there, later releases a quote.
pub(crate) fn read_texts(text: &SourceText<'_>, dialect: Dialect, tokens: &mut [TokenWithSpan]) -> Result<(), Fault> {
    if dialect != Dialect::Spark {
        return Ok(());
    }
    for token in tokens {
        let span = text.span(token.span);
        let written = text.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let (Token::SingleQuotedString(value) | Token::DoubleQuotedString(value)) = &mut token.token else { continue };
        let quote = written.chars().next().unwrap_or('\'');
        let inner = written.strip_prefix(quote).and_then(|inner| inner.strip_suffix(quote)).unwrap_or(value);
        match unescaped(inner, quote) {
            Some(read) => *value = read,
            None => {
                let message = "a doubled quote in a text, which releases of Spark read otherwise, is not supported";
                return Err(Box::new(
                    text.fault("SQL-0014", span, message).with_help("write a backslash before the quote"),
                ));
            }
        }
    }
    Ok(())
}

/// The value of what stands between quotes; `None` where a quote is doubled.
fn unescaped(inner: &str, quote: char) -> Option<String> {
    let mut value = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        if next == quote {
            return None;
        }
        if next != '\\' {
            value.push(next);
            continue;
        }
        let Some(escaped) = rest.chars().next() else {
            value.push('\\');
            break;
        };
        if let Some((read, length)) = code_point(rest) {
            value.push(read);
            rest = &rest[length..];
            continue;
        }
        rest = &rest[escaped.len_utf8()..];
        match escaped {
            '0' => value.push('\0'),
            'b' => value.push('\u{8}'),
            'n' => value.push('\n'),
            'r' => value.push('\r'),
            't' => value.push('\t'),
            'Z' => value.push('\u{1a}'),
            // These keep their backslash, for `LIKE`.
            '%' | '_' => value.extend(['\\', escaped]),
            other => value.push(other),
        }
    }
    Some(value)
}

/// A character by its number, `u0041`, `U00000041` or `101` in octal, and how long that is.
fn code_point(rest: &str) -> Option<(char, usize)> {
    let (start, length, radix) = match rest.as_bytes() {
        [b'u', ..] => (1, 5, 16),
        [b'U', ..] => (1, 9, 16),
        [b'0' | b'1', b'0'..=b'7', b'0'..=b'7', ..] => (0, 3, 8),
        _ => return None,
    };
    let digits = rest.get(start..length).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    Some((char::from_u32(u32::from_str_radix(digits, radix).ok()?)?, length))
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn escapes_are_those_of_spark() {
        let read = |inner: &str| unescaped(inner, '\'');
        for (written, value) in [
            (r"it\'s", "it's"),
            (r"a\\b", r"a\b"),
            (r"x\ny\t", "x\ny\t"),
            (r"50\%\_", r"50\%\_"),
            (r"\u0041\101\a\d", "AAad"),
            (r"\U0001F600", "😀"),
            ("say \"x\"", "say \"x\""),
            (r"\\'", "\\"),
        ] {
            let expect = (!written.ends_with(r"\\'")).then(|| value.to_owned());
            assert_eq!(read(written), expect, "{written}");
        }
        assert_eq!(read("it''s"), None);
    }
}
