//! The search for rows that tell the two sides of a case apart, on the reference interpreter.

use std::sync::Arc;

use isomer_ir::semantics::search::{Budget, Counterexample, Difference, Search, counterexample};
use isomer_ir::semantics::{EvalError, Value, inlined};
use isomer_ir::{Bound, BoundProject, Output, fold, semantics};
use isomer_rules::Case;
use std::collections::BTreeMap;

use super::EXPECTED;
use super::trial::{self, Engines};
use super::values::Rows;

/// Searches each pair of a case's models; the first counterexample ends it. Counts are summed up.
pub(super) fn search(project: &mut BoundProject, case: &Case, budget: &Budget) -> Search {
    let mut queries: BTreeMap<Arc<str>, Output> = BTreeMap::new();
    for position in project.order.clone() {
        let Bound::Plan(output) = &project.models[position].bound else { continue };
        let output = inlined(&output.clone(), &mut project.arena, &|key| queries.get(key).cloned());
        queries.insert(Arc::clone(&project.project.models[position].key), output);
    }
    let mut total = Search::default();
    for (input, expect) in case.input.iter().zip(&case.expect) {
        let expected = format!("{EXPECTED}{}", expect.name);
        let (Some(first), Some(second)) = (queries.get(&fold(&input.name)), queries.get(&fold(&expected))) else {
            continue;
        };
        let found = counterexample(first, second, &project.arena, &project.project.catalog, budget);
        total.n_tried += found.n_tried;
        total.n_compared += found.n_compared;
        total.open = total.open.or(found.open);
        if found.counterexample.is_some() {
            total.counterexample = found.counterexample;
            break;
        }
    }
    total
}

/// The rows of a counterexample, as SQL literals, in the order of the case's tables.
pub(super) fn rows(case: &Case, found: &Counterexample) -> Vec<Rows> {
    let literals = |row: &Vec<Value>| row.iter().map(ToString::to_string).collect();
    case.given.iter().map(|table| found.database.rows(&fold(&table.name)).iter().map(literals).collect()).collect()
}

/// Searches a case for rows that tell its sides apart. Gives on how many databases they were
/// compared, or the counterexample with what DuckDB makes of it.
pub(super) fn run(
    engines: &Engines,
    project: &mut BoundProject,
    case: &Case,
    budget: &Budget,
) -> Result<usize, Vec<String>> {
    let search = search(project, case, budget);
    let Some(found) = &search.counterexample else { return Ok(search.n_compared) };
    let rows = rows(case, found);
    let confirmed = trial::confirmed(engines, project, case, &rows);
    if found.difference != Difference::Rows && !confirmed.iter().any(|run| run.differs) {
        // Engines may leave out what nobody reads, and then nothing fails.
        return Ok(search.n_compared);
    }
    let mut lines = vec![match found.difference {
        Difference::Rows => "the two sides give other rows:".to_owned(),
        Difference::FirstFails => "the input fails where the expected text does not:".to_owned(),
        Difference::SecondFails => "the expected text fails where the input does not:".to_owned(),
    }];
    lines.push(format!("  input:    {}", shown(&found.outcome.first)));
    lines.push(format!("  expected: {}", shown(&found.outcome.second)));
    lines.extend(confirmed.into_iter().map(|run| format!("  {}", run.told)));
    lines.extend(trial::script_lines(case, &rows));
    lines.extend(trial::refusal(case, &rows));
    Err(lines)
}

fn shown(result: &Result<semantics::Rows, EvalError>) -> String {
    match result {
        Ok(rows) if rows.rows.is_empty() => "no rows".to_owned(),
        Ok(rows) => rows.rows.iter().map(|row| tuple(row)).collect::<Vec<_>>().join(", "),
        Err(error) => error.to_string(),
    }
}

fn tuple(row: &[Value]) -> String {
    format!("({})", row.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}
