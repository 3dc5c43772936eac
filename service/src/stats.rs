//! The figures of a run, for programs and as tables for people.

use std::fmt::Write as _;
use std::time::Duration;

use crate::api;

/// The figures as they go over the wire.
#[must_use]
pub fn wire(stats: &isomer_ir::Stats) -> api::Stats {
    let phases = stats.phases.iter().map(|phase| api::PhaseStats {
        phase: phase.phase,
        runs: phase.n_runs,
        nodes: phase.n_nodes,
        classes: phase.n_classes,
        ms: ms(phase.time),
    });
    let rules = stats.rules.iter().map(|rule| api::RuleStats {
        rule: rule.rule.as_ref().to_owned(),
        matches: rule.n_matches,
        applied: rule.n_applied,
        nodes: rule.n_nodes,
        ms: rule.time.map(ms),
        stopped: rule.stopped.clone(),
    });
    api::Stats { phases: phases.collect(), rules: rules.collect() }
}

/// Milliseconds to the microsecond.
fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Two tables, as Markdown that also reads well in a terminal.
#[must_use]
pub fn render(stats: &api::Stats, stop_reason: &str) -> String {
    let mut page = format!("## Figures\n\nThe search ended: {stop_reason}.\n\n");
    let phases = stats.phases.iter().map(|phase| {
        [
            phase.phase.to_owned(),
            phase.runs.to_string(),
            phase.nodes.to_string(),
            phase.classes.to_string(),
            format!("{:.3}", phase.ms),
        ]
    });
    table(&mut page, ["phase", "runs", "e-nodes", "e-classes", "ms"], &phases.collect::<Vec<_>>());
    page.push('\n');
    let rules = stats.rules.iter().map(|rule| {
        [
            rule.rule.clone(),
            rule.matches.to_string(),
            rule.applied.to_string(),
            rule.nodes.to_string(),
            rule.ms.map_or_else(String::new, |ms| format!("{ms:.3}")),
        ]
    });
    table(&mut page, ["rule", "matches", "applied", "e-nodes", "ms"], &rules.collect::<Vec<_>>());
    for rule in &stats.rules {
        if let Some(stopped) = &rule.stopped {
            writeln!(page, "\n`{}` was stopped: {stopped}.", rule.rule).ok();
        }
    }
    page
}

/// A table with its first column to the left and figures to the right.
fn table<const N: usize>(page: &mut String, head: [&str; N], rows: &[[String; N]]) {
    let mut widths = head.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths).enumerate().map(|(position, (cell, width))| match position {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    page.push_str(&line(head));
    let rules: [String; N] = std::array::from_fn(|position| match position {
        0 => "-".repeat(widths[position]),
        _ => format!("{}:", "-".repeat(widths[position].saturating_sub(1))),
    });
    page.push_str(&line(std::array::from_fn(|position| rules[position].as_str())));
    for row in rows {
        page.push_str(&line(std::array::from_fn(|position| row[position].as_str())));
    }
}
