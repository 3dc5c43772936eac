//! Ephemeral models: written into the texts of their readers as dbt writes them.

use std::collections::BTreeMap;

/// Ephemeral models by the name of their expression: what each says by itself, and those that it reads.
#[derive(Debug, Default)]
pub(super) struct Ephemerals {
    known: BTreeMap<String, (String, Vec<String>)>,
}

impl Ephemerals {
    pub(super) fn add(&mut self, name: &str, sql: String, reads: &[&str]) {
        let reads = reads.iter().filter(|read| self.known.contains_key(**read));
        let reads = reads.map(|read| (*read).to_owned()).collect();
        self.known.insert(name.to_owned(), (sql, reads));
    }

    /// A text that begins with a list of its own, with the ephemeral models before it that it needs.
    pub(super) fn inject(&self, sql: &str, reads: &[&str]) -> String {
        let mut needed: Vec<&str> = Vec::new();
        self.need(reads.iter().copied(), &mut needed);
        if needed.is_empty() {
            return sql.to_owned();
        }
        let written: Vec<String> =
            needed.iter().map(|name| format!(" {name} as (\n{}\n)", self.known[*name].0)).collect();
        let list = sql.strip_prefix("with\n\n").unwrap_or(sql);
        format!("with\n\n{}, {list}", written.join(", "))
    }

    fn need<'a>(&'a self, names: impl Iterator<Item = &'a str>, needed: &mut Vec<&'a str>) {
        for name in names {
            let Some((_, reads)) = self.known.get(name) else { continue };
            self.need(reads.iter().map(String::as_str), needed);
            if !needed.contains(&name) {
                needed.push(name);
            }
        }
    }
}
