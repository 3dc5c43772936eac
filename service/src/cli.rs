//! The command line: dispatch, output streams and exit codes.

mod args;
mod columns;
mod demo;
mod engine;
mod progress;
mod project;
mod prove;
mod rules;
mod script;
mod serve;

use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use isomer_ir::Diagnostic;

use crate::report::{self, Texts};
use args::{Cli, Command, Format};

/// Stack of the thread that works: plans are trees, and some steps walk them recursively.
const STACK_BYTES: usize = 256 << 20;

/// How a command ended that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing to complain about.
    Fine,
    /// A finding: an opaque model, differing rows, a rule that fails its own cases.
    Finding,
}

/// Why a command did not do what it was asked; exit code 2, except for a closed pipe.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Faults of the project, already told.
    #[error("the project cannot be optimised")]
    Told,
    /// Anything else, in a sentence.
    #[error("{0}")]
    Sentence(String),
    /// A stream or file that cannot be written.
    #[error("the result cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command line and gives the exit code: 0 fine, 1 findings, 2 usage or project error.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers on stdout, everything else is a usage error.
            error.print().ok();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let worker = std::thread::Builder::new().name("isomer".to_owned()).stack_size(STACK_BYTES).spawn(move || run(&cli));
    let outcome = match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(outcome)) => outcome,
        // The panic has told its own story on stderr.
        Ok(Err(_)) => Err(Failure::Sentence("a bug in isomer ended the command; please report it".to_owned())),
        Err(error) => Err(Failure::Write(error)),
    };
    match outcome {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Finding) => ExitCode::from(1),
        // Whoever reads our output has seen enough.
        Err(Failure::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Told) => ExitCode::from(2),
        Err(failure) => {
            report::stderr_line(&format!("error: {failure}"));
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let console = Console { is_quiet: cli.quiet };
    match &cli.command {
        Command::Explain(args) => project::explain(console, args),
        Command::Optimize(args) => project::optimize(console, args),
        Command::Schema(args) => columns::schema(console, args),
        Command::Lineage(args) => columns::lineage(console, args),
        Command::Run(args) => engine::run(console, args),
        Command::Verify(args) => engine::verify(console, args),
        Command::Prove(args) => prove::run(console, args),
        Command::Rules { command } => rules::run(console, command),
        Command::Demo(args) => demo::run(console, args),
        Command::Serve(args) => serve::run(console, args),
    }
}

/// Where results and remarks go.
#[derive(Debug, Clone, Copy)]
struct Console {
    is_quiet: bool,
}

impl Console {
    /// Writes a result: to the file if one is given, else to stdout.
    fn write(self, file: Option<&Path>, text: &str) -> Result<(), Failure> {
        match file {
            Some(path) => write_file(path, text),
            None => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(text.as_bytes())?;
                stdout.flush()?;
                Ok(())
            }
        }
    }

    /// A remark on stderr, unless quiet.
    fn remark(self, line: &str) {
        if !self.is_quiet {
            report::stderr_line(line);
        }
    }

    /// Diagnostics on stderr; when quiet only those that stop the project.
    fn tell(self, diagnostics: &[Diagnostic], texts: &Texts) {
        for diagnostic in report::wire(diagnostics, texts) {
            if !self.is_quiet || diagnostic.severity == "error" {
                report::stderr_line(&report::line(&diagnostic));
            }
        }
    }

    /// Whether progress may be drawn.
    fn draws_progress(self) -> bool {
        !self.is_quiet && io::stderr().is_terminal()
    }

    /// How explanations look in a format that goes to a file or to stdout.
    fn style(self, format: Format, file: Option<&Path>) -> crate::explain::Style {
        let has_colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && file.is_none()
            && io::stdout().is_terminal();
        match format {
            Format::Md => crate::explain::Style::Markdown,
            Format::Text | Format::Json if has_colours => crate::explain::Style::Coloured,
            Format::Text | Format::Json => crate::explain::Style::Plain,
        }
    }
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::Sentence(format!("`{}` cannot be written: {error}", path.display())))
}

/// JSON for people and programs: indented, with a final line break.
fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| Failure::Sentence(error.to_string()))?;
    text.push('\n');
    Ok(text)
}
