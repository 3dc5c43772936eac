//! Fingerprints: one hash over what was asked and what came of it.

use isomer_frontend::ProjectFiles;
use isomer_ir::Table;

use crate::api;
use crate::optimize::Options;

/// Hash of files, options and result, in hexadecimal.
///
/// Every part is preceded by its length, so that no two different inputs give one byte string. The
/// version is part of it: another version may choose other plans.
#[must_use]
pub(crate) fn of(files: &ProjectFiles, options: &Options, connected: &[Table], output: &api::Output) -> String {
    let mut hasher = Hasher(blake3::Hasher::new());
    hasher.text(env!("CARGO_PKG_VERSION"));
    hasher.list(files.iter(), |hasher, (path, bytes)| {
        hasher.text(path);
        hasher.bytes(bytes);
    });
    hasher.optional(options.target.as_deref());
    // Tables hold neither maps nor addresses, so their text is the same in every run.
    hasher.list(connected.iter(), |hasher, table| hasher.text(&format!("{table:?}")));
    for words in [&options.select, &options.exclude, &options.disable, &options.allow] {
        hasher.list(words.iter(), |hasher, word| hasher.text(word));
    }
    hasher.optional(options.max_nodes.map(|n| n.to_string()).as_deref());
    hasher.text(output.stop_reason);
    hasher.list(output.steps.iter(), |hasher, step| {
        for word in [&*step.name, step.kind, step.materialise] {
            hasher.text(word);
        }
        hasher.optional(step.sql.as_deref());
        hasher.optional(step.substrait.as_deref());
    });
    hasher.0.finalize().to_hex().to_string()
}

struct Hasher(blake3::Hasher);

impl Hasher {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.list(text.into_iter(), |hasher, text| hasher.text(text));
    }

    fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, hash: impl Fn(&mut Self, T)) {
        self.0.update(&(items.len() as u64).to_le_bytes());
        for item in items {
            hash(self, item);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::of;
    use crate::api;
    use crate::optimize::Options;

    #[test]
    fn moving_a_byte_between_parts_changes_the_hash() {
        let output = api::Output {
            fingerprint: String::new(),
            stop_reason: "saturated",
            steps: Vec::new(),
            applied_rules: Vec::new(),
            skipped_rules: Vec::new(),
            diagnostics: Vec::new(),
            stats: None,
        };
        let hash = |path: &str, text: &str, select: &[&str]| {
            let select = select.iter().map(|word| (*word).to_owned()).collect();
            let options = Options { select, ..Options::default() };
            of(&BTreeMap::from([(path.into(), text.into())]), &options, &[], &output)
        };
        assert_eq!(hash("a", "b", &[]), hash("a", "b", &[]));
        assert_ne!(hash("ab", "c", &[]), hash("a", "bc", &[]));
        assert_ne!(hash("a", "b", &["cd"]), hash("a", "b", &["c", "d"]));
    }
}
