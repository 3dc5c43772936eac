//! `isomer prove`: two queries, or two versions of a project, proved equal or told apart.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use isomer_ir::{Catalog, Diagnostic};

use super::args::{Format, ProveArgs};
use super::project::tables_of;
use super::{Console, Failure, Outcome, json};
use crate::api::prove::{Equality, ModelEquality};
use crate::files;
use crate::prove::{ask, compare_projects, decide};
use crate::report::{self, Texts};

/// `isomer prove`.
pub(super) fn run(console: Console, args: &ProveArgs) -> Result<Outcome, Failure> {
    let (first, second) = (&args.first, &args.second);
    if args.project { projects(console, args, first, second) } else { queries(console, args, first, second) }
}

fn queries(console: Console, args: &ProveArgs, first: &Path, second: &Path) -> Result<Outcome, Failure> {
    let mut texts = Texts::default();
    let mut catalog = Catalog::default();
    let mut faults = Vec::new();
    for path in &args.schema {
        let (name, text) = read(path)?;
        texts.insert(&name, &text);
        let (tables, found) = isomer_frontend::read_schema(&text, &name, args.dialect()?);
        tables.tables().for_each(|table| catalog.insert(table.clone()));
        faults.extend(found);
    }
    if let Some(path) = &args.database {
        let tables = tables_of(&path.to_string_lossy(), path)?;
        tables.into_iter().for_each(|table| catalog.insert(table));
    }
    let (first_name, first_text) = read(first)?;
    let (second_name, second_text) = read(second)?;
    texts.insert(&first_name, &first_text);
    texts.insert(&second_name, &second_text);
    let question = ask(catalog, args.dialect()?, (&first_name, &first_text), (&second_name, &second_text));
    let question = match question {
        Ok(question) if faults.is_empty() => question,
        Ok(_) => return refused(console, &faults, &texts),
        Err(found) => {
            faults.extend(found);
            return refused(console, &faults, &texts);
        }
    };
    let equality = decide(&question, args.databases);
    let text = match args.format {
        Format::Json => json(&equality)?,
        Format::Text => told(&equality, &first_name, &second_name),
        Format::Md => format!("```\n{}```\n", told(&equality, &first_name, &second_name)),
    };
    console.write(None, &text)?;
    Ok(if equality.verdict == "proved" { Outcome::Fine } else { Outcome::Finding })
}

fn projects(console: Console, args: &ProveArgs, old: &Path, new: &Path) -> Result<Outcome, Failure> {
    let read = |path: &Path| {
        files::read(path).map_err(|fault| {
            console.tell(&[fault], &Texts::default());
            Failure::Told
        })
    };
    let (old, new) = (read(old)?, read(new)?);
    let compared = match compare_projects(&old, &new, args.databases) {
        Ok(compared) => compared,
        Err(faults) => return refused(console, &faults, &Texts::default()),
    };
    let text = match args.format {
        Format::Json => json(&compared)?,
        Format::Text => models(&compared),
        Format::Md => format!("```\n{}```\n", models(&compared)),
    };
    console.write(None, &text)?;
    let is_fine = compared.iter().all(|model| model.equality.verdict == "proved");
    Ok(if is_fine { Outcome::Fine } else { Outcome::Finding })
}

fn refused(console: Console, faults: &[Diagnostic], texts: &Texts) -> Result<Outcome, Failure> {
    console.tell(faults, texts);
    for fault in faults {
        if console.is_quiet && fault.severity != isomer_ir::Severity::Project {
            report::stderr_line(&fault.to_string());
        }
    }
    Err(Failure::Sentence("the queries cannot be compared".to_owned()))
}

fn read(path: &Path) -> Result<(Arc<str>, String), Failure> {
    let name: Arc<str> = Arc::from(path.display().to_string());
    let text =
        fs::read_to_string(path).map_err(|error| Failure::Sentence(format!("`{name}` cannot be read: {error}")))?;
    Ok((name, text))
}

/// A verdict on two queries for people.
fn told(equality: &Equality, first: &str, second: &str) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}: {first} and {second}", equality.verdict);
    write_verdict(&mut text, equality, (first, second), "  ");
    text
}

fn models(compared: &[ModelEquality]) -> String {
    let mut text = String::new();
    for model in compared {
        let _ = writeln!(text, "{}: {}", model.equality.verdict, model.model);
        if model.equality.verdict != "proved" {
            write_verdict(&mut text, &model.equality, ("the first version", "the second version"), "  ");
        }
    }
    let n_proved = compared.iter().filter(|model| model.equality.verdict == "proved").count();
    let _ = writeln!(text, "{n_proved} of {} models proved equal", compared.len());
    text
}

fn write_verdict(text: &mut String, equality: &Equality, (first, second): (&str, &str), indent: &str) {
    if let Some(reason) = &equality.reason {
        let _ = writeln!(text, "{indent}{reason}");
    }
    for assumption in &equality.assumptions {
        let _ = writeln!(text, "{indent}taken for granted: {assumption}");
    }
    for (name, rules) in [(first, &equality.first_rules), (second, &equality.second_rules)] {
        if equality.refutation.is_none() && !rules.is_empty() {
            let _ = writeln!(text, "{indent}rules on {name}: {}", rules.join(", "));
        }
    }
    if let Some(refutation) = &equality.refutation {
        let _ = writeln!(text, "{indent}on this database they differ:");
        write_block(text, &refutation.database, indent);
        for (name, rows) in [(first, &refutation.first), (second, &refutation.second)] {
            let rows = if rows.is_empty() { "no rows".to_owned() } else { rows.join(" ") };
            let _ = writeln!(text, "{indent}{name} gives {rows}");
        }
    }
    if let Some(forms) = &equality.forms {
        for (name, form) in [(first, &forms[0]), (second, &forms[1])] {
            let _ = writeln!(text, "{indent}{name} as it was compared:");
            write_block(text, form, indent);
        }
    }
    if equality.refutation.is_none() && equality.n_databases > 0 {
        let _ = writeln!(text, "{indent}compared on {} small databases: no difference", equality.n_databases);
    }
}

fn write_block(text: &mut String, block: &str, indent: &str) {
    for line in block.lines() {
        let _ = writeln!(text, "{indent}  {line}");
    }
}

impl ProveArgs {
    fn dialect(&self) -> Result<isomer_ir::Dialect, Failure> {
        let expected = "expected duckdb, datafusion, postgres or spark";
        isomer_ir::Dialect::from_name(&self.dialect)
            .ok_or_else(|| Failure::Sentence(format!("found dialect `{}`, {expected}", self.dialect)))
    }
}
