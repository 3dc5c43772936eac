//! What a model's own text says of rules: `-- @isomer: off`, `-- @isomer: disable a, b`,
//! `-- @isomer: only a, b`, each in a comment line of its own.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Model, Settings, Span};

use super::yaml::Reading;

/// How an annotation begins.
const MARK: &str = "@isomer:";

/// Reads the annotations of all models.
pub(crate) fn apply(models: &mut [Model], settings: &mut Settings, reading: &mut Reading<'_>) {
    for model in models.iter_mut().filter(|model| model.original.contains(MARK)) {
        let original = Arc::clone(&model.original);
        let mut start = 0;
        for line in original.split_inclusive('\n') {
            let said = line.trim().strip_prefix("--").map(str::trim).and_then(|text| text.strip_prefix(MARK));
            if let Some(said) = said.map(str::trim)
                && !annotate(model, settings, said)
            {
                let lead = line.len() - line.trim_start().len();
                let span = Span::new(start + lead, start + line.trim_end().len());
                let message = format!("found `{said}` behind `{MARK}`, expected `off`, `disable` or `only` with rules");
                let told = Diagnostic::project("PRJ-0026", &model.path, span, message);
                let help = "write `-- @isomer: off`, `-- @isomer: disable rule-a, rule-b` or `-- @isomer: only rule-a`";
                reading.found.push(told.with_help(help));
            }
            start += line.len();
        }
    }
}

fn annotate(model: &mut Model, settings: &mut Settings, said: &str) -> bool {
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
        _ => false,
    }
}
