//! Regular expressions over names, as far as they are plain: letters, `.`, `.*`, `^`, `$` and `|`.

/// A pattern that is looked for anywhere in a name.
#[derive(Debug)]
pub(crate) struct NamePattern {
    alternatives: Vec<Alternative>,
}

#[derive(Debug)]
struct Alternative {
    is_from_start: bool,
    is_to_end: bool,
    /// A letter, or `None` for any, with whether it may come any number of times.
    steps: Vec<(Option<char>, bool)>,
}

impl NamePattern {
    /// Reads a pattern; `None` for one with anything else in it.
    pub(crate) fn of(text: &str) -> Option<Self> {
        // `^(a|b)$` is `^a$|^b$`.
        let (start, rest) = text.strip_prefix('^').map_or((false, text), |rest| (true, rest));
        let (end, inner) = rest.strip_suffix('$').map_or((false, rest), |rest| (true, rest));
        if let Some(inner) = inner.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            let mut alternatives = inner.split('|').map(Alternative::of).collect::<Option<Vec<_>>>()?;
            for alternative in &mut alternatives {
                alternative.is_from_start |= start;
                alternative.is_to_end |= end;
            }
            return Some(Self { alternatives });
        }
        let alternatives = text.split('|').map(Alternative::of).collect::<Option<Vec<_>>>()?;
        Some(Self { alternatives })
    }

    /// Whether some part of the name matches.
    pub(crate) fn is_found_in(&self, name: &str) -> bool {
        let letters: Vec<char> = name.chars().collect();
        self.alternatives.iter().any(|alternative| {
            let last = if alternative.is_from_start { 0 } else { letters.len() };
            (0..=last).any(|start| matches(&alternative.steps, &letters[start..], alternative.is_to_end))
        })
    }
}

impl Alternative {
    fn of(text: &str) -> Option<Self> {
        let (is_from_start, rest) = text.strip_prefix('^').map_or((false, text), |rest| (true, rest));
        let (is_to_end, rest) = rest.strip_suffix('$').map_or((false, rest), |rest| (true, rest));
        let mut steps: Vec<(Option<char>, bool)> = Vec::new();
        for letter in rest.chars() {
            match letter {
                '.' => steps.push((None, false)),
                '*' => match steps.last_mut() {
                    Some((_, is_repeated)) if !*is_repeated => *is_repeated = true,
                    _ => return None,
                },
                letter if letter.is_alphanumeric() || letter == '_' || letter == ' ' => {
                    steps.push((Some(letter), false));
                }
                _ => return None,
            }
        }
        Some(Self { is_from_start, is_to_end, steps })
    }
}

fn matches(steps: &[(Option<char>, bool)], letters: &[char], is_to_end: bool) -> bool {
    let Some(((wanted, is_repeated), rest)) = steps.split_first() else { return !is_to_end || letters.is_empty() };
    let is_wanted = |letter: &char| wanted.is_none_or(|wanted| wanted == *letter);
    if *is_repeated {
        let most = letters.iter().take_while(|letter| is_wanted(letter)).count();
        return (0..=most).any(|n| matches(rest, &letters[n..], is_to_end));
    }
    letters.first().is_some_and(is_wanted) && matches(rest, &letters[1..], is_to_end)
}

#[cfg(test)]
mod tests {
    use super::NamePattern;

    #[test]
    fn patterns() {
        let cases = [
            ("x|s", "max", Some(true)),
            ("^(id|x)$", "id", Some(true)),
            ("^(id|x)$", "tid", Some(false)),
            ("_id$", "user_id", Some(true)),
            ("_id$", "id_of", Some(false)),
            ("a.*c", "xabcx", Some(true)),
            ("^a.c$", "abbc", Some(false)),
            ("ID", "id", Some(false)),
            ("[ab]", "a", None),
            (r"\d", "1", None),
        ];
        for (pattern, name, expect) in cases {
            assert_eq!(
                NamePattern::of(pattern).map(|pattern| pattern.is_found_in(name)),
                expect,
                "{pattern} in {name}"
            );
        }
    }
}
