//! Ephemeral models of dbt: no objects of the database, but common table expressions that dbt writes into
//! their readers. Here they are taken out again, so that readers read them by name.
//!
//! Nothing rests on a name: an expression is an ephemeral model only where its text is that model's, byte
//! for byte. What is taken out becomes blanks, so that places in what is left are places in the whole.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use isomer_ir::{FOLDED_PREFIX, fold};

use super::manifest::{Manifest, Node};
use crate::with_list::cut_query;

/// The compiled text of a model without the ephemeral models in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfolded {
    /// As long as the compiled text, blank where an ephemeral model stood.
    pub(crate) text: Arc<str>,
    /// Keys of the ephemeral models, in the order in which they stood.
    pub(crate) folded: Vec<Arc<str>>,
}

/// The ephemeral models of a manifest.
#[derive(Debug, Default)]
pub(crate) struct Ephemerals<'a> {
    /// The compiled text of each, by key.
    texts: BTreeMap<Arc<str>, &'a str>,
    /// What each says by itself, without what dbt wrote into it: found once.
    own: BTreeMap<Arc<str>, Option<String>>,
}

/// The key under which readers name an ephemeral model.
pub(crate) fn key_of(node: &Node) -> Arc<str> {
    fold(&format!("{FOLDED_PREFIX}{}", node.alias.as_ref().unwrap_or(&node.name)))
}

impl<'a> Ephemerals<'a> {
    /// Those that are compiled. Of two that go by one name neither is known: a reader could mean either.
    pub(crate) fn of(manifest: &'a Manifest) -> Self {
        let mut found: BTreeMap<Arc<str>, Vec<&'a str>> = BTreeMap::new();
        for node in manifest.nodes.values().filter(|node| node.is_model() && node.is_ephemeral()) {
            found.entry(key_of(node)).or_default().extend(node.compiled_code.as_deref());
        }
        let texts = found.into_iter().filter_map(|(key, texts)| Some((key, <[&str; 1]>::try_from(texts).ok()?[0])));
        Self { texts: texts.collect(), own: BTreeMap::new() }
    }

    /// Whether the ephemeral model of a key is known.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.texts.contains_key(key)
    }

    /// Takes the ephemeral models out of a compiled text.
    pub(crate) fn unfold(&mut self, text: &str) -> Unfolded {
        let cut = self.cut(text);
        let mut blank = String::with_capacity(text.len());
        let mut copied = 0;
        for out in &cut.out {
            blank.push_str(&text[copied..out.start]);
            blank.extend(text[out.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
            copied = out.end;
        }
        blank.push_str(&text[copied..]);
        Unfolded { text: Arc::from(blank), folded: cut.folded }
    }

    /// What an ephemeral model says by itself.
    fn own(&mut self, key: &Arc<str>) -> Option<String> {
        if let Some(own) = self.own.get(key) {
            return own.clone();
        }
        let text = *self.texts.get(key)?;
        // One that stands in itself is none.
        self.own.insert(Arc::clone(key), None);
        let cut = self.cut(text);
        let mut own = String::with_capacity(text.len());
        let mut copied = 0;
        for out in &cut.out {
            own.push_str(&text[copied..out.start]);
            copied = out.end;
        }
        own.push_str(&text[copied..]);
        let own = own.trim().to_owned();
        self.own.insert(Arc::clone(key), Some(own.clone()));
        Some(own)
    }

    /// The places of the first expressions that are ephemeral models. One that is not ends them: those
    /// behind it could read it.
    fn cut(&mut self, text: &str) -> Cut {
        let mut cut = Cut::default();
        // Expressions that may read later ones could mean others than the model does.
        let Some(query) = cut_query(text).filter(|query| !query.is_recursive) else { return cut };
        for cte in &query.ctes {
            let key = fold(&cte.name);
            let head = text[cte.whole.start..cte.inside.start].chars().filter(|c| !c.is_whitespace());
            let is_it = head.collect::<String>().to_lowercase() == format!("{key}as(")
                && key.starts_with(FOLDED_PREFIX)
                && self.own(&key).is_some_and(|own| own == text[cte.inside.clone()].trim());
            if !is_it {
                break;
            }
            cut.folded.push(key);
        }
        let Some(last) = cut.folded.len().checked_sub(1).map(|last| &query.ctes[last]) else { return cut };
        match query.ctes.get(cut.folded.len()) {
            // Where the text has a list of its own, dbt writes a blank before them and `, ` behind them.
            Some(next) => {
                let (first, start) = (query.ctes[0].whole.start, next.lead.start);
                let has_blank = |at: usize| text.as_bytes().get(at) == Some(&b' ');
                cut.out.push(first - usize::from(has_blank(first - 1))..start + usize::from(has_blank(start)));
            }
            None => cut.out.push(query.head..last.whole.end),
        }
        cut
    }
}

/// Where ephemeral models stand in a text.
#[derive(Debug, Default)]
struct Cut {
    out: Vec<Range<usize>>,
    folded: Vec<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::{Ephemerals, Manifest};

    /// A manifest of ephemeral models with their compiled texts.
    fn manifest(models: &[(&str, &str)]) -> Manifest {
        let node = |(at, (name, text)): (usize, &(&str, &str))| {
            let node = serde_json::json!({
                "resource_type": "model", "name": name, "alias": name, "compiled_code": text,
                "config": {"materialized": "ephemeral"},
            });
            (format!("model.p{at}.{name}"), node)
        };
        let nodes: serde_json::Map<_, _> = models.iter().enumerate().map(node).collect();
        serde_json::from_value(serde_json::json!({ "nodes": nodes })).unwrap()
    }

    /// What is left of a text, blanks at its ends and doubled ones apart, and what was taken out of it.
    fn told(models: &[(&str, &str)], text: &str) -> String {
        let manifest = manifest(models);
        let unfolded = Ephemerals::of(&manifest).unfold(text);
        assert_eq!(unfolded.text.len(), text.len(), "{text}");
        assert_eq!(unfolded.text.lines().count(), text.lines().count(), "{text}");
        for (place, left) in unfolded.text.char_indices().filter(|(_, left)| *left != ' ') {
            assert_eq!(text[place..].chars().next(), Some(left), "{text}");
        }
        let left: Vec<&str> = unfolded.text.split_whitespace().collect();
        let folded: Vec<&str> =
            unfolded.folded.iter().map(|key| key.strip_prefix("__dbt__cte__").unwrap_or(key)).collect();
        format!("{} | {}", left.join(" "), folded.join(" "))
    }

    const A: (&str, &str) = ("a", "\nselect x, 'é' as y -- y\nfrom t\n");
    /// As dbt compiles `select x from a` and `with c as (select x from a) select * from c`.
    const B: (&str, &str) =
        ("b", "\nwith __dbt__cte__a as (\n\nselect x, 'é' as y -- y\nfrom t\n\n) select x from __dbt__cte__a");
    const C: (&str, &str) = (
        "c",
        "-- c\nwith\n __dbt__cte__a as (\n\nselect x, 'é' as y -- y\nfrom t\n\n), c as (select x from __dbt__cte__a) select * from c",
    );

    #[test]
    fn what_dbt_wrote_is_taken_out() {
        let a = "__dbt__cte__a as (\n\nselect x, 'é' as y -- y\nfrom t\n\n)";
        let b = "__dbt__cte__b as (\nselect x from __dbt__cte__a\n)";
        let c = "__dbt__cte__c as (\n-- c\nwith\nc as (select x from __dbt__cte__a) select * from c\n)";
        let all = [A, B, C];
        let check = |text: &str, expect: &str| assert_eq!(told(&all, text), expect, "{text}");
        check("select 1", "select 1 | ");
        check(&format!("with {a} select * from __dbt__cte__a"), "select * from __dbt__cte__a | a");
        check(&format!("\n\nwith {a}, {b} select * from __dbt__cte__b"), "select * from __dbt__cte__b | a b");
        check(
            &format!("/* m */ WITH  {a}, m as (\nselect 1) select * from m, __dbt__cte__a"),
            "/* m */ WITH m as ( select 1) select * from m, __dbt__cte__a | a",
        );
        check(&format!("with {a}, {c} select 1"), "select 1 | a c");
    }

    #[test]
    fn what_is_not_the_models_text_stays() {
        let check = |models: &[(&str, &str)], text: &str| {
            let words: Vec<&str> = text.split_whitespace().collect();
            assert_eq!(told(models, text), format!("{} | ", words.join(" ")), "{text}");
        };
        let a = "__dbt__cte__a as (\n\nselect x, 'é' as y -- y\nfrom t\n\n)";
        // Compiled at another time, in other letters, with names for its columns, or under another name.
        check(&[A], "with __dbt__cte__a as (select x, 'é' as y from t where x > 1) select * from __dbt__cte__a");
        check(&[A], &format!("with {} select 1", a.replace("select x", "select X")));
        check(&[A], &format!("with {} select 1", a.replace(" as (\n", " (z) as (\n")));
        check(&[A], &format!("with {} select 1", a.replace(" as (\n", " as materialized (\n")));
        check(&[A], &format!("with {} select 1", a.replace("cte__a", "cte__z")));
        check(&[A], &format!("with {} select 1", a.replace("__dbt__cte__a", "a")));
        // An expression before it that is no model's, and a list whose expressions may read later ones.
        check(&[A], &format!("with t as (select 1 as x), {a} select 1"));
        check(&[A], &format!("with recursive {a}, t as (select 1 as x) select 1"));
        // Two models of one name; a model that nobody compiled.
        check(&[A, ("a", "select 2")], &format!("with {a} select 1"));
        check(&[], &format!("with {a} select 1"));
        // What reads an expression that stays is not what it is by itself.
        let other = "__dbt__cte__a as (select 2 as x)";
        check(&[A, B], &format!("with {other}, __dbt__cte__b as (\nselect x from __dbt__cte__a\n) select 1"));
        check(&[("a", "with __dbt__cte__a as (select 1) select 1")], "with __dbt__cte__a as (select 1) select 1");
    }
}
