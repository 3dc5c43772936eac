//! `isomer schema` and `isomer lineage`: the columns of models, and where they come from.

use super::args::{Format, LineageArgs, SchemaArgs};
use super::project::request;
use super::{Console, Failure, Outcome, json};
use crate::optimize::Answer;
use crate::{lineage, report, schema};

/// `isomer schema`.
pub(super) fn schema(console: Console, args: &SchemaArgs) -> Result<Outcome, Failure> {
    let (_, request) = request(console, &args.project)?;
    let (found, answer) = schema::run(&request).map_err(|answer| refused(console, &answer))?;
    let outcome = tell(console, &answer, args.project.strict)?;
    let file = args.project.output.as_deref();
    let text = match args.project.format {
        Format::Json => json(&found)?,
        Format::Text | Format::Md => schema::render(&found, console.style(args.project.format, file)),
    };
    console.write(file, &text)?;
    Ok(outcome)
}

/// `isomer lineage`.
pub(super) fn lineage(console: Console, args: &LineageArgs) -> Result<Outcome, Failure> {
    let (_, request) = request(console, &args.project)?;
    let (mut found, answer) = lineage::run(&request).map_err(|answer| refused(console, &answer))?;
    let outcome = tell(console, &answer, args.project.strict)?;
    if let Some(column) = &args.column {
        lineage::impact(&mut found, column);
    }
    let file = args.project.output.as_deref();
    let text = match args.project.format {
        Format::Json => json(&found)?,
        Format::Text | Format::Md => lineage::render(&found, console.style(args.project.format, file)),
    };
    console.write(file, &text)?;
    Ok(outcome)
}

fn refused(console: Console, answer: &Answer) -> Failure {
    console.tell(&answer.diagnostics, &answer.texts);
    Failure::Told
}

fn tell(console: Console, answer: &Answer, is_strict: bool) -> Result<Outcome, Failure> {
    console.tell(&answer.diagnostics, &answer.texts);
    if report::is_fault(&answer.diagnostics, is_strict) {
        return Err(Failure::Told);
    }
    Ok(if report::is_finding(&answer.diagnostics) { Outcome::Finding } else { Outcome::Fine })
}
