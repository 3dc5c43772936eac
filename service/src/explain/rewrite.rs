//! What a rule did to a query, as text: both texts, or their differences where little changed.

use similar::{ChangeTag, TextDiff};

/// Texts of fewer lines than this stand side by side whatever they share.
const MIN_LINES: usize = 8;
/// Unchanged lines around a change.
const CONTEXT: usize = 2;
/// The share of unchanged lines from which differences say more than both texts.
const MIN_RATIO: f32 = 0.6;

/// The changed lines of a query that mostly stayed the same, each after `-`, `+` or a space; `…`
/// stands for what is left out. `None` where both texts say more.
pub(super) fn differences(before: &str, after: &str) -> Option<String> {
    if before.lines().count().max(after.lines().count()) < MIN_LINES {
        return None;
    }
    let diff = TextDiff::from_lines(before, after);
    if diff.ratio() < MIN_RATIO {
        return None;
    }
    let mut text = String::new();
    for (i, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        let is_cut = i > 0 || group.first().is_some_and(|op| op.old_range().start > 0);
        if is_cut {
            text.push_str("  …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            text.push_str(&format!("{sign} {}\n", change.value().trim_end_matches('\n')));
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn a_small_change_of_a_long_query_is_shown_alone() {
        let lines = |changed: &str| format!("a\nb\nc\nd\n{changed}\nf\ng\nh\ni");
        let expect = "  …\n  c\n  d\n- e\n+ x\n  f\n  g\n";
        assert_eq!(differences(&lines("e"), &lines("x")).as_deref(), Some(expect));
    }

    #[test]
    fn short_and_new_queries_are_shown_as_they_are() {
        assert_eq!(differences("a\nb", "a\nc"), None);
        assert_eq!(differences("a\nb\nc\nd\ne\nf\ng\nh", "1\n2\n3\n4\n5\n6\n7\n8"), None);
    }
}
