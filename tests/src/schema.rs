//! JSON Schema, as much of it as `docs/output.schema.json` uses. A keyword that is not known here is
//! a fault, so that no part of the schema goes unread.
//!
//! The validators of the registry would have Arrow and DataFusion compiled a second time for the
//! tests, because they switch on features of what those depend on.

use serde_json::Value;

/// What `value` has against `schema`, as paths with reasons.
#[must_use]
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, schema, value, "$", &mut faults);
    faults
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else {
        faults.push(format!("{path}: a schema that is no object"));
        return;
    };
    for (keyword, operand) in schema {
        let is_met = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                check(root, referred(root, operand), value, path, faults);
                true
            }
            "type" => match operand {
                Value::Array(kinds) => kinds.iter().any(|kind| is_kind(kind, value)),
                kind => is_kind(kind, value),
            },
            "enum" => operand.as_array().is_some_and(|values| values.contains(value)),
            "oneOf" => {
                let schemas = operand.as_array().map(Vec::as_slice).unwrap_or_default();
                let is_met = |schema: &&Value| {
                    let mut faults = Vec::new();
                    check(root, schema, value, path, &mut faults);
                    faults.is_empty()
                };
                schemas.iter().filter(is_met).count() == 1
            }
            "required" => {
                let names = operand.as_array().map(Vec::as_slice).unwrap_or_default();
                let is_there = |name: &Value| name.as_str().is_some_and(|name| value.get(name).is_some());
                !value.is_object() || names.iter().all(is_there)
            }
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = operand.get(name) {
                        check(root, schema, value, &format!("{path}.{name}"), faults);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let is_known = |name: &String| known.is_some_and(|known| known.contains_key(name));
                *operand == Value::Bool(false)
                    && value.as_object().is_none_or(|properties| properties.keys().all(is_known))
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, operand, item, &format!("{path}[{i}]"), faults);
                }
                true
            }
            "minLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 >= operand.as_u64().unwrap_or(0))
            }
            "minimum" => value.as_f64().is_none_or(|number| number >= operand.as_f64().unwrap_or(f64::INFINITY)),
            "pattern" => {
                value.as_str().is_none_or(|text| operand.as_str().is_some_and(|pattern| is_like(pattern, text)))
            }
            "contentEncoding" => operand == "base64" && value.as_str().is_none_or(is_base64),
            _ => false,
        };
        if !is_met {
            faults.push(format!("{path}: `{keyword}` of {operand} is not met"));
        }
    }
}

fn referred<'a>(root: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#')).unwrap_or_default();
    root.pointer(pointer).unwrap_or(&Value::Null)
}

fn is_kind(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}

/// Regular expressions that are a row of character classes and letters, each once, `+` or `{n}`.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some(mut pattern) = pattern.strip_prefix('^').and_then(|pattern| pattern.strip_suffix('$')) else {
        return false;
    };
    let mut text = text;
    while let Some(first) = pattern.chars().next() {
        let (class, rest) = match pattern.strip_prefix('[').and_then(|pattern| pattern.split_once(']')) {
            Some((class, rest)) => (class.to_owned(), rest),
            None => (first.to_string(), &pattern[first.len_utf8()..]),
        };
        let (n_least, n_most, rest) = if let Some(rest) = rest.strip_prefix('+') {
            (1, usize::MAX, rest)
        } else if let Some((n, rest)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            let Ok(n) = n.parse::<usize>() else { return false };
            (n, n, rest)
        } else {
            (1, 1, rest)
        };
        let taken: usize = text.chars().take_while(|&c| is_in(&class, c)).take(n_most).map(char::len_utf8).sum();
        if text[..taken].chars().count() < n_least {
            return false;
        }
        text = &text[taken..];
        pattern = rest;
    }
    text.is_empty()
}

fn is_in(class: &str, c: char) -> bool {
    let letters: Vec<char> = class.chars().collect();
    let mut i = 0;
    while i < letters.len() {
        if letters.get(i + 1) == Some(&'-') && i + 2 < letters.len() {
            if (letters[i]..=letters[i + 2]).contains(&c) {
                return true;
            }
            i += 3;
        } else if letters[i] == c {
            return true;
        } else {
            i += 1;
        }
    }
    false
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::faults;

    #[test]
    fn what_a_schema_says_is_held() {
        let schema = json!({
            "type": "object",
            "required": ["code"],
            "additionalProperties": false,
            "properties": {
                "code": {"type": "string", "pattern": "^[A-Z]+-[0-9]{4}$"},
                "kind": {"enum": ["a", "b"]},
                "n": {"oneOf": [{"type": "null"}, {"type": "integer", "minimum": 1}]},
                "names": {"type": "array", "items": {"$ref": "#/$defs/name"}},
                "plan": {"type": ["string", "null"], "contentEncoding": "base64"}
            },
            "$defs": {"name": {"type": "string", "minLength": 1}}
        });
        let good = json!({"code": "SQL-0007", "kind": "a", "n": 1, "names": ["x"], "plan": "Zm9vYg=="});
        assert_eq!(faults(&schema, &good), [""; 0]);
        let bad = [
            (json!({}), "$: `required`"),
            (json!({"code": "SQL-007"}), "$.code: `pattern`"),
            (json!({"code": "sql-0007"}), "$.code: `pattern`"),
            (json!({"code": "SQL-0007", "kind": "c"}), "$.kind: `enum`"),
            (json!({"code": "SQL-0007", "n": 0}), "$.n: `oneOf`"),
            (json!({"code": "SQL-0007", "names": [""]}), "$.names[0]: `minLength`"),
            (json!({"code": "SQL-0007", "plan": "Zm9v Yg=="}), "$.plan: `contentEncoding`"),
            (json!({"code": "SQL-0007", "other": 1}), "$: `additionalProperties`"),
            (json!([]), "$: `type`"),
        ];
        for (value, expect) in bad {
            let found = faults(&schema, &value);
            assert!(found.len() == 1 && found[0].starts_with(expect), "{value}: {found:?}");
        }
        assert_eq!(faults(&json!({"maxLength": 3}), &json!("abc")).len(), 1, "unknown keywords are faults");
    }
}
