//! The rule that `isomer rules new` writes: whole, tested by its own cases, and there to be changed.

use crate::parse::is_kebab;

/// A rule of this name as text; nothing for a name that no rule can have.
///
/// It parses without faults and passes its own example and refusal.
#[must_use]
pub fn skeleton(name: &str) -> Option<String> {
    is_kebab(name).then(|| TEXT.replace("NAME", name))
}

const TEXT: &str = r#"rule NAME
  "What becomes what, and why the same rows come out, NULL included.
   Here: a filter that a text is not empty keeps the same rows whether NULL is read as empty or not."
  class exact  phase user
  for   s expr
  match WHERE coalesce($s, '') <> ''
  =>    WHERE $s <> ''
  when  deterministic($s)

  -- The rule must fire on the input and make of it what is expected.
  example "a filter"
    given  t(id int key, s text)
    input  SELECT id FROM t WHERE coalesce(s, '') <> ''
    expect SELECT id FROM t WHERE s <> ''
  -- It must leave this input alone: on the rows, the wrong form gives another result.
  refuses "in a select list NULL and FALSE are two values"
    given  t(id int key, s text)
    rows   t (1, 'a'), (2, NULL)
    input  SELECT id, coalesce(s, '') <> '' AS x FROM t
    wrong  SELECT id, s <> '' AS x FROM t
"#;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    #[test]
    fn a_skeleton_is_a_rule_without_faults() {
        let text = super::skeleton("my-rule-2").expect("the name can be had");
        let (read, faults) = crate::parse(&Arc::from("new.rules"), &text);
        let (set, more) = crate::check(read);
        assert_eq!((faults, more), (Vec::new(), Vec::new()));
        assert!(set.get("my-rule-2").is_some());
        assert_eq!(crate::layout(&text), text);
        for name in ["", "My-rule", "two words", "-rule", "rule_x"] {
            assert_eq!(super::skeleton(name), None, "{name}");
        }
    }
}
