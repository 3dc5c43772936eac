//! Places in the JSON text of a request: of what serde refuses, and of values that are refused later.

use isomer_ir::Span;

use crate::{api, report};

/// Where reading stopped. serde counts lines from 1 and columns in bytes.
pub(super) fn of_error(text: &str, error: &serde_json::Error) -> Option<api::Span> {
    let line = text.lines().nth(error.line().checked_sub(1)?).unwrap_or("");
    let before = line.as_bytes().get(..error.column().saturating_sub(1)).unwrap_or(line.as_bytes());
    let n_before = String::from_utf8_lossy(before).chars().count();
    let is_inside = before.len() < line.len();
    Some(api::Span { line: error.line(), col: n_before + 1, len: usize::from(is_inside) })
}

/// Where the string stands that an outermost field has as its value. `text` is an object.
pub(super) fn of_value(text: &str, field: &str) -> Option<api::Span> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    // The last string that was a key of the outermost object, until its value is over.
    let mut key = None;
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 1 => key = None,
            b'"' => {
                let end = end_of_string(bytes, i);
                let content = text.get(i + 1..end - 1)?;
                match key {
                    None if depth == 1 => key = Some(content),
                    Some(key) if depth == 1 && key == field => {
                        return Some(report::span_in(Span::new(i, end), text));
                    }
                    Some(_) | None => {}
                }
                i = end;
                continue;
            }
            _ => {}
        }
        i += 1;
    }
    None
}

/// The position behind the quote that closes the string which opens at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut i = start + 1;
    while i < bytes.len() && bytes[i] != b'"' {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    (i + 1).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::{of_error, of_value};

    #[test]
    fn values_of_outermost_fields() {
        let text = "{\"models\": [{\"name\": \"target\", \"sql\": \"\\\"a, \"}],\n \"ä\": \"dialect\", \"target\" : \"oracle\"}";
        let place = |field| of_value(text, field).map(|span| (span.line, span.col, span.len));
        assert_eq!(place("target"), Some((2, 29, 8)));
        assert_eq!(place("ä"), Some((2, 7, 9)));
        // A field of an inner object, a value that looks like a field, and a value that is no string.
        assert_eq!((place("name"), place("dialect"), place("models")), (None, None, None));
    }

    #[test]
    fn places_of_errors_count_characters() {
        let place = |text: &str| {
            let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err();
            of_error(text, &error).map(|span| (span.line, span.col, span.len))
        };
        assert_eq!(place("[1,\n \"äö\" x]"), Some((2, 7, 1)));
        assert_eq!(place("[1,\n"), Some((2, 1, 0)));
        assert_eq!(place(""), Some((1, 1, 0)));
    }
}
