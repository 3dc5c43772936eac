//! `isomer demo`: the session example, explained, executed both ways and verified.

use std::path::Path;
use std::sync::Arc;

use isomer_engines::EngineKind;
use isomer_frontend::ProjectFiles;
use isomer_ir::SourceData;

use super::args::{DemoArgs, Format};
use super::engine::{execute, times, told, verdicts};
use super::progress::Progress;
use super::{Console, Failure, Outcome};
use crate::execute::{self as execution, Site, Way};
use crate::explain;
use crate::optimize::{self, Optimised, Request};
use crate::report;

/// The example, as it stands in the repository.
const FILES: [(&str, &str); 4] = [
    ("isomer.yml", include_str!("../../../examples/sessions/isomer.yml")),
    ("models/daily_user_sessions.sql", include_str!("../../../examples/sessions/models/daily_user_sessions.sql")),
    ("models/sessions_by_country.sql", include_str!("../../../examples/sessions/models/sessions_by_country.sql")),
    ("models/sessions_by_hour.sql", include_str!("../../../examples/sessions/models/sessions_by_hour.sql")),
];
/// Events of one generated user: ten bursts of ten.
const EVENTS_PER_USER: u64 = 100;

/// `isomer demo`.
pub(super) fn run(console: Console, args: &DemoArgs) -> Result<Outcome, Failure> {
    let files: ProjectFiles = FILES.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let answer = optimize::run(&Request { files, ..Request::default() });
    console.tell(&answer.diagnostics, &answer.texts);
    let is_finding = report::is_finding(&answer.diagnostics);
    let Some(mut optimised) = answer.optimised else { return Err(Failure::Told) };
    console.write(None, &explain::render(&optimised, console.style(Format::Text, None)))?;

    resize(&mut optimised, args.rows);
    let progress = Progress::new(console);
    let base = Path::new(".");
    let ways = [Way::Naive, Way::Optimised];
    let site = Site::new(EngineKind::DuckDb, base);
    let executed = execute(&mut optimised, site, &ways, 1, &progress);
    let (executed, session, _) = executed.map_err(|fault| told(console, &optimised, fault))?;
    drop(session);
    let verification = execution::verify(&mut optimised, site, &mut |text| progress.say(text));
    drop(progress);
    let verification = verification.map_err(|fault| told(console, &optimised, fault))?;
    let heading = format!("\nExecuted on {} generated events\n\n", args.rows);
    console.write(None, &format!("{heading}{}\n{}", times(&executed), verdicts(&verification)))?;
    Ok(if verification.is_equal && !is_finding { Outcome::Fine } else { Outcome::Finding })
}

/// Has the example's generator make `n_rows` events of proportionally many users.
fn resize(optimised: &mut Optimised, n_rows: u64) {
    for source in &mut optimised.project.project.sources {
        if let SourceData::Generated(_, settings) = &mut source.data {
            for (name, value) in settings {
                match &**name {
                    "rows" => *value = Arc::from(n_rows.to_string()),
                    "users" => *value = Arc::from((n_rows / EVENTS_PER_USER).max(1).to_string()),
                    _ => {}
                }
            }
        }
    }
}
