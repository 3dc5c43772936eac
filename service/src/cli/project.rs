//! `isomer explain` and `isomer optimize`: a project in, its pipeline or the story of it out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use isomer_engines::Postgres;
use isomer_frontend::ReadOptions;
use isomer_ir::Table;

use super::args::{ExplainArgs, Format, OptimizeArgs, ProjectArgs};
use super::progress::Progress;
use super::{Console, Failure, Outcome, json, script, write_file};
use crate::execute::causes;
use crate::explain;
use crate::files::{self, DiskProject};
use crate::optimize::{self, Optimised, Options, Request};
use crate::proof;
use crate::report::{self, Texts};
use crate::stats;

/// A project that was read and optimised.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The result.
    pub(super) optimised: Optimised,
    /// The folder against which data files are resolved.
    pub(super) base: PathBuf,
    /// What the exit code says of the diagnostics.
    pub(super) outcome: Outcome,
}

/// Reads and optimises the project that the arguments name, and tells what there is to tell.
pub(super) fn load(console: Console, args: &ProjectArgs) -> Result<Loaded, Failure> {
    loaded(console, args, |request| request)
}

/// As [`load`], with the steps of each changed model.
pub(super) fn load_with_chains(console: Console, args: &ProjectArgs) -> Result<Loaded, Failure> {
    loaded(console, args, |request| Request { wants_chains: true, ..request })
}

/// As [`load`], with counts and times where they are wanted.
fn load_with_stats(console: Console, args: &ProjectArgs, wants_stats: bool) -> Result<Loaded, Failure> {
    loaded(console, args, |request| Request { wants_stats, ..request })
}

fn loaded(console: Console, args: &ProjectArgs, wanted: impl FnOnce(Request) -> Request) -> Result<Loaded, Failure> {
    let (base, request) = request(console, args)?;
    let request = wanted(request);
    let progress = Progress::new(console);
    progress.say("optimising");
    let answer = optimize::run(&request);
    drop(progress);
    console.tell(&answer.diagnostics, &answer.texts);
    let is_refused = report::is_fault(&answer.diagnostics, args.strict);
    let outcome = if report::is_finding(&answer.diagnostics) { Outcome::Finding } else { Outcome::Fine };
    match answer.optimised {
        Some(optimised) if !is_refused => Ok(Loaded { optimised, base, outcome }),
        Some(_) | None => Err(Failure::Told),
    }
}

/// The project that the arguments name, with the folder against which data files are resolved.
pub(super) fn request(console: Console, args: &ProjectArgs) -> Result<(PathBuf, Request), Failure> {
    let path = args.path.as_deref().or(args.project_dir.as_deref()).unwrap_or_else(|| Path::new("."));
    let disk = files::read(path).map_err(|fault| {
        console.tell(&[fault], &Texts::default());
        Failure::Told
    })?;
    let connected = connected_tables(&disk, args.target.clone())?;
    let previous = args.state.as_deref().map(|path| {
        files::read(path).map(|disk| disk.files).map_err(|fault| {
            console.tell(&[fault], &Texts::default());
            Failure::Told
        })
    });
    let previous = previous.transpose()?;
    let request = Request { files: disk.files, options: options(args), connected, previous, ..Request::default() };
    Ok((disk.base, request))
}

/// Tables of the database that the project names. A file that is not there yet tells nothing.
fn connected_tables(disk: &DiskProject, target: Option<String>) -> Result<Vec<Table>, Failure> {
    let (project, _) = isomer_frontend::read_project(&disk.files, &ReadOptions { target });
    let Some(database) = project.and_then(|project| project.database) else { return Ok(Vec::new()) };
    let path = disk.base.join(&*database);
    if Postgres::named(&database).is_none() && !path.is_file() {
        return Ok(Vec::new());
    }
    tables_of(&database, &path)
}

/// Tables of a database: of a PostgreSQL server by its name, of DuckDB by the path of its file.
pub(super) fn tables_of(name: &str, path: &Path) -> Result<Vec<Table>, Failure> {
    let tables = match Postgres::named(name) {
        Some(server) => isomer_engines::catalog_of_postgres(&server),
        None => isomer_engines::catalog_of_database(path),
    };
    tables.map_err(|error| Failure::Sentence(causes(&error)))
}

fn options(args: &ProjectArgs) -> Options {
    Options {
        target: args.target.clone(),
        select: args.select.clone(),
        exclude: args.exclude.clone(),
        disable: args.disable.clone(),
        allow: args.allow.clone(),
        max_nodes: args.max_nodes,
    }
}

/// `isomer explain`.
pub(super) fn explain(console: Console, args: &ExplainArgs) -> Result<Outcome, Failure> {
    let format = if args.json { Format::Json } else { args.project.format };
    if args.proof {
        return explain_proof(console, args, format);
    }
    let loaded = load_with_stats(console, &args.project, args.stats)?;
    let file = args.project.output.as_deref();
    let text = match format {
        Format::Text | Format::Md => {
            let mut page = explain::render(&loaded.optimised, console.style(format, file));
            if let Some(stats) = &loaded.optimised.output.stats {
                page.push('\n');
                page.push_str(&stats::render(stats, loaded.optimised.output.stop_reason));
            }
            page
        }
        Format::Json => {
            let explanation = explain::render(&loaded.optimised, explain::Style::Markdown);
            json(&crate::api::Explained { output: loaded.optimised.output, explanation, proofs: None })?
        }
    };
    console.write(file, &text)?;
    Ok(loaded.outcome)
}

/// `isomer explain --proof`.
fn explain_proof(console: Console, args: &ExplainArgs, format: Format) -> Result<Outcome, Failure> {
    let Loaded { mut optimised, outcome, .. } = load_with_chains(console, &args.project)?;
    known_models(&optimised, &args.model)?;
    let progress = Progress::new(console);
    progress.say("checking steps");
    let proofs = proof::prove(&mut optimised, &args.model);
    drop(progress);
    let refutations = proof::refutations(&optimised, &proofs);
    console.tell(&refutations, &Texts::new(&refutations, &optimised.project.project.models, &BTreeMap::new()));
    let file = args.project.output.as_deref();
    let text = match format {
        Format::Text | Format::Md => {
            explain::render_proofs(&optimised.project.project.name, &proofs, console.style(format, file))
        }
        Format::Json => {
            let explanation = explain::render(&optimised, explain::Style::Markdown);
            json(&crate::api::Explained { output: optimised.output, explanation, proofs: Some(proofs) })?
        }
    };
    console.write(file, &text)?;
    Ok(if refutations.is_empty() { outcome } else { Outcome::Finding })
}

/// Refuses names of models that the project does not have.
pub(super) fn known_models(optimised: &Optimised, names: &[String]) -> Result<(), Failure> {
    let models = &optimised.project.project.models;
    let unknown = names.iter().find(|name| models.iter().all(|model| *model.name != ***name));
    unknown.map_or(Ok(()), |name| Err(Failure::Sentence(format!("no model of the project is called `{name}`"))))
}

/// `isomer optimize`.
pub(super) fn optimize(console: Console, args: &OptimizeArgs) -> Result<Outcome, Failure> {
    let loaded = load_with_stats(console, &args.project, args.stats)?;
    // The result stays a script.
    if let Some(stats) = loaded.optimised.output.stats.as_ref().filter(|_| args.project.format != Format::Json) {
        report::stderr_line(&stats::render(stats, loaded.optimised.output.stop_reason));
    }
    if let Some(folder) = &args.out {
        write_steps(console, folder, &loaded.optimised)?;
        return Ok(loaded.outcome);
    }
    let text = match args.project.format {
        Format::Text => script::render(&loaded.optimised),
        Format::Md => format!("```sql\n{}```\n", script::render(&loaded.optimised)),
        Format::Json => json(&loaded.optimised.output)?,
    };
    console.write(args.project.output.as_deref(), &text)?;
    Ok(loaded.outcome)
}

/// One numbered file a step, holding the query alone, and the whole answer as `pipeline.json`.
fn write_steps(console: Console, folder: &Path, optimised: &Optimised) -> Result<(), Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::Sentence(format!("`{}` cannot be made: {error}", folder.display())))?;
    let steps = &optimised.output.steps;
    let n_digits = steps.len().to_string().len().max(2);
    for (i, step) in steps.iter().enumerate() {
        if let Some(sql) = &step.sql {
            let name = format!("{:0n_digits$}_{}.sql", i + 1, file_stem(&step.name));
            write_file(&folder.join(name), sql)?;
        }
    }
    write_file(&folder.join("pipeline.json"), &json(&optimised.output)?)?;
    console.remark(&format!("wrote {} steps and pipeline.json to {}", steps.len(), folder.display()));
    Ok(())
}

/// The name with everything replaced that a file system could take for something else.
fn file_stem(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect()
}
