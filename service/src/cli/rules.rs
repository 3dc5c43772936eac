//! `isomer rules`: the rules that a project sees, one of them in full, and their own tests.

mod file;
mod list;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use isomer_ir::{Diagnostic, Settings, Span};
use isomer_rules::RuleSet;

use super::args::{Format, RuleListArgs, RulesCommand};
use super::{Console, Failure, Outcome, json};
use crate::api::rule::RuleForm;
use crate::report::{self, Texts};
use crate::rule_test::{self, CaseKind, CaseReport};
use crate::{files, optimize};

/// `isomer rules`.
pub(super) fn run(console: Console, command: &RulesCommand) -> Result<Outcome, Failure> {
    match command {
        RulesCommand::List(command) => list(console, command),
        RulesCommand::Show { name, json, project_dir } => show(console, name, *json, project_dir),
        RulesCommand::New { name, into, project_dir } => {
            file::new(console, name, into.as_deref(), project_dir, &project_rules(project_dir).0)
        }
        RulesCommand::Fmt { files, check } => file::fmt(console, &named_files(console, files)?, *check),
        RulesCommand::Test { files, rule } => test(console, files, rule.as_deref()),
    }
}

fn list(console: Console, command: &RuleListArgs) -> Result<Outcome, Failure> {
    let format = if command.json { Format::Json } else { command.format };
    let text = if command.catalogue {
        list::rewrites(format)?
    } else {
        let (files, settings) = project_rules(&command.path);
        list::rules(&load(console, &files)?, &settings, format)?
    };
    console.write(None, &text)?;
    Ok(Outcome::Fine)
}

fn show(console: Console, name: &str, is_json: bool, folder: &Path) -> Result<Outcome, Failure> {
    let rules = load(console, &project_rules(folder).0)?;
    let Some(rule) = rules.get(name) else {
        let help = match isomer_ir::nearest(name, rules.rules.iter().map(|rule| &*rule.name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`isomer rules list` names them all".to_owned(),
        };
        return Err(Failure::Sentence(format!("no rule is named `{name}`; {help}")));
    };
    let text = if is_json { json(&RuleForm::from(&**rule))? } else { isomer_rules::show(rule) };
    console.write(None, &text)?;
    Ok(Outcome::Fine)
}

fn test(console: Console, paths: &[PathBuf], name: Option<&str>) -> Result<Outcome, Failure> {
    let mut files = named_files(console, paths)?;
    // A file that is compiled in is loaded already.
    let builtin = isomer_rules::builtin_files();
    let same = |text: &str| builtin.iter().find(|(_, known)| *known == text).map(|(file, _)| *file);
    let named: Vec<&str> = files.iter().filter_map(|(_, text)| same(text)).collect();
    files.retain(|(_, text)| same(text).is_none());
    let rules = load(console, &files)?;
    // Built-in rules take part in every case; they are tested themselves when no file, or theirs, is named.
    let is_wanted = |rule: &isomer_rules::Rule| {
        (paths.is_empty() || !rule.is_builtin || named.contains(&&*rule.file))
            && name.is_none_or(|name| *rule.name == *name)
    };
    if !rules.rules.iter().any(|rule| is_wanted(rule)) {
        return Err(Failure::Sentence("no rule is to be tested".to_owned()));
    }
    let reports = rule_test::run(&rules, &is_wanted);
    console.write(None, &told(&reports))?;
    let is_fine = reports.iter().all(|report| report.faults.is_empty());
    Ok(if is_fine { Outcome::Fine } else { Outcome::Finding })
}

fn told(reports: &[CaseReport]) -> String {
    let mut text = String::new();
    for report in reports {
        let verdict = if report.faults.is_empty() { "ok  " } else { "FAIL" };
        let title = match report.kind {
            CaseKind::Example | CaseKind::Refusal => format!("\"{}\"", report.title),
            CaseKind::MadeRows => report.title.clone(),
        };
        text.push_str(&format!("{verdict}  {}  {} {title}\n", report.rule, report.kind.word()));
        for fault in report.faults.iter().flat_map(|fault| fault.lines()) {
            text.push_str(&format!("      {fault}\n"));
        }
    }
    let n_failed = reports.iter().filter(|report| !report.faults.is_empty()).count();
    text.push_str(&format!("\n{} passed, {n_failed} failed\n", reports.len() - n_failed));
    text
}

type RuleFiles = Vec<(Arc<str>, Arc<str>)>;

/// Rule files and settings of the project in a folder; none where there is no project.
fn project_rules(folder: &Path) -> (RuleFiles, Settings) {
    let Ok(disk) = files::read(folder) else { return (Vec::new(), Settings::default()) };
    let (project, _) = isomer_frontend::read_project(&disk.files, &isomer_frontend::ReadOptions::default());
    project.map(|project| (project.rule_files, project.settings)).unwrap_or_default()
}

/// The rule files at these paths, or those of the project here when none is named.
fn named_files(console: Console, paths: &[PathBuf]) -> Result<RuleFiles, Failure> {
    if paths.is_empty() { Ok(project_rules(Path::new(".")).0) } else { rule_files(console, paths) }
}

fn rule_files(console: Console, paths: &[PathBuf]) -> Result<RuleFiles, Failure> {
    let mut found = RuleFiles::new();
    let mut faults = Vec::new();
    for path in paths {
        match files::read_rules(path) {
            Ok(files) if files.is_empty() => {
                let source = Arc::from(path.to_string_lossy());
                faults.push(Diagnostic::project("FILE-0004", &source, Span::default(), "found no `.rules` file"));
            }
            Ok(files) => found.extend(files.into_iter().map(|(path, text)| (path, Arc::from(text)))),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        return Ok(found);
    }
    console.tell(&faults, &Texts::default());
    Err(Failure::Told)
}

/// The built-in rules and those of `files`; faults of the latter are told.
fn load(console: Console, files: &RuleFiles) -> Result<RuleSet, Failure> {
    let (rules, mut diagnostics) = optimize::rules_of(files);
    let (_, faults) = isomer_frontend::compile_rules(&rules, &mut isomer_ir::Arena::default());
    diagnostics.extend(faults);
    let mut texts = Texts::default();
    for (path, text) in files {
        texts.insert(path, text);
    }
    console.tell(&diagnostics, &texts);
    let is_broken = report::is_fault(&diagnostics, false);
    if is_broken { Err(Failure::Told) } else { Ok(rules) }
}
