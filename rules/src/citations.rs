//! `rulesets/CITATIONS.md`, compiled in: what the short forms in `source` stand for.

/// The file; its table is what counts.
const TEXT: &str = include_str!("../../rulesets/CITATIONS.md");

/// The full sources that a rule's `source` names by their short forms, in the order of the list.
#[must_use]
pub fn citations(source: &str) -> Vec<&'static str> {
    let rows = TEXT.lines().filter_map(|line| line.trim().strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let rows = rows.filter(|(short, _)| *short != "short form");
    rows.filter(|(short, _)| is_named(source, short)).map(|(_, full)| full).collect()
}

/// Whether a source names a short form, or one of several that stand in one row.
fn is_named(source: &str, short: &str) -> bool {
    let is_list = short.matches(", ").count() > 1;
    has_words(source, short) || (is_list && short.split(", ").any(|one| has_words(source, one)))
}

/// Whether a text holds these words, not as parts of longer ones.
fn has_words(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + words.len()..].chars().next();
        [before, behind].iter().flatten().all(|c| !c.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::citations;

    #[test]
    fn short_forms_are_looked_up() {
        assert!(citations("Cheng et al. 1999")[0].contains("VLDB 1999"));
        assert!(citations("System R, Selinger et al. 1979; Spark X")[0].contains("SIGMOD 1979"));
        assert_eq!(citations("covering rule C15; Cao et al. 2012").len(), 2);
        assert_eq!(citations("C1500"), [""; 0]);
        assert_eq!(citations("somebody 1850"), [""; 0]);
    }
}
