//! The last part of reading: settings applied, names compared, tables and targets resolved.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{Diagnostic, Dialect, Model, ModelProject, Severity, SourceData, Span, fold};

use super::annotations;
use super::create_table::read_schema;
use super::functions;
use super::name::is_below;
use super::settings::{Config, ModelSettings, Placed, Target};
use super::yaml::{Reading, did_you_mean};
use super::{Draft, ProjectFiles, ReadOptions};

/// A project of what was read; `None` when it has no models.
pub(crate) fn finish(
    draft: Draft,
    mut config: Config,
    files: &ProjectFiles,
    options: &ReadOptions,
    reading: &mut Reading<'_>,
) -> Option<ModelProject> {
    let Draft { format, name, dialect, mut models, mut tables, tested, checksums, targets } = draft;
    models.sort_by(|a, b| (&a.path, &a.name).cmp(&(&b.path, &b.name)));
    apply_settings(&mut models, &config.models, reading);
    for ((name, _), settings) in &config.models {
        let named = models.iter().find(|model| is_named(model, name));
        if let (Some(result), Some(model)) = (&settings.result, named) {
            tables.describe_model(model, result, dialect, reading);
        }
    }
    duplicate_faults(&models, reading);
    for decl in &config.functions {
        functions::declare(decl, dialect, &mut tables.catalog, reading);
    }
    for (path, span) in &config.schema_paths {
        let Some(bytes) = files.get(path) else {
            reading.fault(
                "PRJ-0002",
                *span,
                format!("found no `{path}`, expected a file of `CREATE TABLE` statements"),
            );
            continue;
        };
        let (schema, found) = read_schema(&String::from_utf8_lossy(bytes), &Arc::from(path.as_str()), dialect);
        reading.found.extend(found.into_iter().map(|told| Diagnostic { severity: Severity::Project, ..told }));
        let is_model = |table: &&isomer_ir::Table| models.iter().any(|model| model.key == table.key);
        for table in schema.tables().filter(|table| !is_model(table)) {
            tables.add(table, &Arc::from(path.as_str()));
        }
    }
    for decl in &config.sources {
        if models.iter().any(|model| model.key == fold(&decl.name)) {
            let message = format!("found source `{}`, which is also a model's name", decl.name);
            reading.fault_with("PRJ-0021", decl.span, message, "rename one of them".to_owned());
            continue;
        }
        if config.sources.iter().any(|other| other.span < decl.span && fold(&other.name) == fold(&decl.name)) {
            let message = format!("found source `{}` twice; names do not differ by case alone", decl.name);
            reading.fault("PRJ-0021", decl.span, message);
            continue;
        }
        tables.declare(decl, dialect, reading);
    }
    let keys: Vec<Arc<str>> = models.iter().map(|model| Arc::clone(&model.key)).collect();
    tables.resolve(&keys, reading);
    let all_targets: Vec<Target> = config.targets.iter().chain(&targets).cloned().collect();
    let chosen = choose_target(&config, &targets, &all_targets, options, reading);
    let is_data_declared = tables.sources.iter().any(|source| source.data != SourceData::Database);
    let target_database = chosen.as_ref().and_then(|target| target.database.clone()).filter(|_| !is_data_declared);
    let rule_files = rule_files(files, &config.rule_paths, reading);
    annotations::apply(&mut models, &mut config.settings, reading);
    if models.is_empty() {
        if !reading.found.iter().any(|diagnostic| matches!(diagnostic.code, "PRJ-0002" | "PRJ-0014")) {
            let place = Span::default();
            reading.fault_with("PRJ-0001", place, "found no models", "add `.sql` files below `models/`".to_owned());
        }
        return None;
    }
    Some(ModelProject {
        name: Arc::from(config.name.or(name).unwrap_or_else(|| "project".to_owned())),
        format,
        target: chosen.and_then(|target| target.dialect).unwrap_or(dialect),
        database: config.database.or(target_database).map(Arc::from),
        models,
        sources: tables.sources,
        catalog: tables.catalog,
        tested,
        checksums,
        changes: None,
        rule_files,
        settings: config.settings,
    })
}

/// Folders first, the outer before the inner, then models by name: the nearer setting wins. Tags
/// add up.
fn apply_settings(models: &mut [Model], settings: &[(Placed, ModelSettings)], reading: &mut Reading<'_>) {
    let mut of_folders = Vec::new();
    let mut of_models = Vec::new();
    for (place, settings) in settings {
        let (name, span) = place;
        if models.iter().any(|model| is_named(model, name)) {
            of_models.push((name, settings));
        } else if models.iter().any(|model| is_in(model, name)) {
            of_folders.push((name, settings));
        } else {
            let message = format!("found settings of `{name}`, expected a model or a folder of models");
            let help = did_you_mean(name, models.iter().map(|model| &*model.name));
            reading.fault_with("PRJ-0010", *span, message, help);
        }
    }
    of_folders.sort_by_key(|(folder, _)| folder.trim_end_matches('/').len());
    for model in models {
        for (folder, settings) in &of_folders {
            if is_in(model, folder) {
                apply(model, settings);
            }
        }
        for (name, settings) in &of_models {
            if is_named(model, name) {
                apply(model, settings);
            }
        }
        model.tags.sort_unstable();
        model.tags.dedup();
    }
}

fn is_named(model: &Model, name: &str) -> bool {
    fold(&model.name) == fold(name)
}

/// A folder may leave `models/` out.
fn is_in(model: &Model, folder: &str) -> bool {
    is_below(&model.path, folder) || is_below(&model.path, &format!("models/{folder}"))
}

fn apply(model: &mut Model, settings: &ModelSettings) {
    if !model.is_folded {
        model.materialise = settings.materialise.unwrap_or(model.materialise);
    }
    model.dialect = settings.dialect.unwrap_or(model.dialect);
    model.tags.extend(settings.tags.iter().map(|tag| Arc::from(tag.as_str())));
    if !model.is_opaque {
        model.is_rewritable = settings.is_rewritable.unwrap_or(model.is_rewritable);
    }
}

fn duplicate_faults(models: &[Model], reading: &mut Reading<'_>) {
    let mut by_name: BTreeMap<Arc<str>, Vec<&Model>> = BTreeMap::new();
    let mut by_key: BTreeMap<Arc<str>, Vec<&Model>> = BTreeMap::new();
    for model in models {
        by_name.entry(fold(&model.name)).or_default().push(model);
        by_key.entry(Arc::clone(&model.key)).or_default().push(model);
    }
    // Two dbt models of different names can still write to one relation.
    by_key.retain(|_, same| same.iter().any(|model| fold(&model.name) != fold(&same[0].name)));
    for (what, groups) in [("named", by_name), ("written to", by_key)] {
        for (name, same) in groups.iter().filter(|(_, same)| same.len() > 1) {
            let places: Vec<String> = same.iter().map(|model| format!("`{}`", model.path)).collect();
            let message = format!("found {} models {what} `{name}`: {}", same.len(), places.join(", "));
            let fault = Diagnostic::project("PRJ-0007", &same[1].path, Span::default(), message);
            reading.found.push(fault.with_help("rename one of them; names do not differ by case alone"));
        }
    }
}

/// The target that is asked for, by name of a target or of a dialect.
fn choose_target(
    config: &Config,
    defaults: &[Target],
    targets: &[Target],
    options: &ReadOptions,
    reading: &mut Reading<'_>,
) -> Option<Target> {
    let asked = match (&options.target, &config.target) {
        (Some(target), _) => Some((target.as_str(), Span::default())),
        (None, Some((target, span))) => Some((target.as_str(), *span)),
        (None, None) => None,
    };
    let Some((asked, span)) = asked else {
        return defaults.first().filter(|_| config.dialect.is_none()).cloned();
    };
    let named = targets.iter().find(|target| target.name == asked);
    if let Some(target) = named.filter(|target| target.dialect.is_some()) {
        return Some(target.clone());
    }
    if let Some(dialect) = Dialect::from_name(asked) {
        return Some(Target { name: asked.to_owned(), dialect: Some(dialect), database: None });
    }
    let message = match named {
        Some(_) => format!("found target `{asked}`, whose dialect is not known"),
        None => format!("found `{asked}` as target, expected a target of the project or a dialect"),
    };
    let usable = targets.iter().filter(|target| target.dialect.is_some()).map(|target| target.name.as_str());
    let names: Vec<&str> = usable.chain(Dialect::ALL.iter().map(|dialect| dialect.name())).collect();
    let known = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let help = match isomer_ir::nearest(asked, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? known are {known}"),
        None => format!("known are {known}"),
    };
    reading.fault_with("PRJ-0006", span, message, help);
    None
}

fn rule_files(files: &ProjectFiles, folders: &[Placed], reading: &mut Reading<'_>) -> Vec<(Arc<str>, Arc<str>)> {
    let default = [("rules".to_owned(), Span::default())];
    let is_declared = !folders.is_empty();
    let folders = if is_declared { folders } else { &default };
    let mut rule_files = BTreeMap::new();
    for (folder, span) in folders {
        let below: Vec<&String> = files
            .keys()
            .filter(|path| path.ends_with(".rules") && (is_below(path, folder) || *path == folder))
            .collect();
        if below.is_empty() && is_declared {
            reading.fault("PRJ-0002", *span, format!("found no `.rules` file in `{folder}`, expected rules"));
        }
        for path in below {
            match std::str::from_utf8(&files[path]) {
                Ok(text) => {
                    rule_files.insert(path.as_str(), text);
                }
                Err(error) => {
                    let place = Span::new(error.valid_up_to(), error.valid_up_to() + 1);
                    let source = Arc::from(path.as_str());
                    let message = "found bytes that are not UTF-8, expected rules";
                    reading.found.push(Diagnostic::project("PRJ-0025", &source, place, message));
                }
            }
        }
    }
    rule_files.into_iter().map(|(path, text)| (Arc::from(path), Arc::from(text))).collect()
}
