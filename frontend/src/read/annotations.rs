//! What a model's own text says of rules: `-- @isomer: off`, `-- @isomer: disable a, b`,
//! `-- @isomer: only a, b`, `-- @isomer: allow a, b`, each in a comment line of its own. smelt writes
//! the last one `-- @allow_rewrite: a, b`.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{Diagnostic, Model, Settings, Span};

use super::yaml::Reading;

/// How an annotation begins.
const MARK: &str = "@isomer:";
/// How smelt begins a consent.
const CONSENT: &str = "@allow_rewrite:";

/// Rules, by name or tag, that single models consent to, by the models' keys.
type Consents = BTreeMap<Arc<str>, Vec<Arc<str>>>;

/// Reads the annotations of all models.
pub(crate) fn apply(models: &mut [Model], settings: &mut Settings, reading: &mut Reading<'_>) {
    let mut consents = Consents::new();
    let is_annotated = |text: &str| text.contains(MARK) || text.contains(CONSENT);
    for model in models.iter_mut().filter(|model| is_annotated(&model.original)) {
        let original = Arc::clone(&model.original);
        let mut start = 0;
        for line in original.split_inclusive('\n') {
            let comment = line.trim().strip_prefix("--").map(str::trim);
            let said = comment.and_then(|text| text.strip_prefix(MARK).or_else(|| text.strip_prefix(CONSENT)));
            let is_consent = comment.is_some_and(|text| text.starts_with(CONSENT));
            let sentence =
                said.map(|said| if is_consent { format!("allow {}", said.trim()) } else { said.trim().into() });
            if let Some(said) = sentence
                && !annotate(model, settings, &mut consents, &said)
            {
                let lead = line.len() - line.trim_start().len();
                let span = Span::new(start + lead, start + line.trim_end().len());
                let message = format!(
                    "found `{said}` behind `{MARK}`, expected `off`, or rules behind `disable`, `only` or `allow`"
                );
                let told = Diagnostic::project("PRJ-0026", &model.path, span, message);
                let help =
                    "write `-- @isomer: off`, `-- @isomer: disable rule-a, rule-b`, `only rule-a` or `allow rule-a`";
                reading.found.push(told.with_help(help));
            }
            start += line.len();
        }
    }
    consent(models, settings, &consents);
}

fn annotate(model: &mut Model, settings: &mut Settings, consents: &mut Consents, said: &str) -> bool {
    let (word, rest) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
    let names: Vec<Arc<str>> = rest.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Arc::from).collect();
    let is_list = !names.is_empty() && names.iter().all(|name| !name.contains(char::is_whitespace));
    match word {
        "off" if rest.trim().is_empty() => {
            model.is_rewritable = false;
            true
        }
        "disable" if is_list => {
            settings.models.entry(Arc::clone(&model.key)).or_default().disabled.extend(names);
            true
        }
        "only" if is_list => {
            settings.models.entry(Arc::clone(&model.key)).or_default().only.extend(names);
            true
        }
        "allow" if is_list => {
            consents.entry(Arc::clone(&model.key)).or_default().extend(names);
            true
        }
        _ => false,
    }
}

/// The consent of one model lets a rule run, and the rule is off in every model that did not consent.
fn consent(models: &[Model], settings: &mut Settings, consents: &Consents) {
    let mut names: Vec<&Arc<str>> = consents.values().flatten().collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        if settings.allowed.contains(name) {
            continue;
        }
        settings.allowed.push(Arc::clone(name));
        for model in models.iter().filter(|model| consents.get(&model.key).is_none_or(|own| !own.contains(name))) {
            settings.models.entry(Arc::clone(&model.key)).or_default().disabled.push(Arc::clone(name));
        }
    }
}
