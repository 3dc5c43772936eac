//! Sums as text, for whoever wonders why two queries were not found equal.

use std::fmt::Write;

use isomer_ir::{Arena, explain_scalar};

use super::sum::{Atom, Sum, Term};

/// A sum, one line a term.
pub(super) fn describe(sum: &Sum, arena: &Arena) -> String {
    let mut text = String::new();
    write_sum(&mut text, sum, arena, 0);
    text
}

fn write_sum(text: &mut String, sum: &Sum, arena: &Arena, depth: usize) {
    if sum.is_empty() {
        let _ = writeln!(text, "{}no rows", "  ".repeat(depth));
    }
    for term in sum {
        write_term(text, term, arena, depth);
    }
}

fn write_term(text: &mut String, term: &Term, arena: &Arena, depth: usize) {
    let indent = "  ".repeat(depth);
    let list = |scalars: &[isomer_ir::ScalarId], separator: &str| {
        scalars.iter().map(|&scalar| explain_scalar(scalar, arena)).collect::<Vec<_>>().join(separator)
    };
    let _ = writeln!(text, "{indent}row [{}]", list(&term.shows, ", "));
    for var in &term.vars {
        let columns: Vec<String> = var.columns.iter().map(|&id| format!("{}#{}", arena.hint(id), id.index())).collect();
        let (name, inner): (String, Vec<&Sum>) = match &*var.atom {
            Atom::Table(table) => (table.to_string(), Vec::new()),
            Atom::Distinct(rows) => ("each once".to_owned(), vec![rows]),
            Atom::Group { rows, n_keys, calls, .. } => {
                let calls: Vec<String> = calls
                    .iter()
                    .map(|call| {
                        format!(
                            "{}({}{})",
                            call.function,
                            if call.is_distinct { "distinct " } else { "" },
                            list(&call.args, ", ")
                        )
                    })
                    .collect();
                (format!("groups of the first {n_keys}, {}", calls.join(", ")), vec![rows])
            }
            Atom::Window { rows, .. } => ("with windows".to_owned(), vec![rows]),
            Atom::Limit { rows, skip, fetch, .. } => (format!("limit {fetch:?} from {skip}"), vec![rows]),
            Atom::Bag { kind, left, right, .. } => (format!("{kind:?}"), vec![left, right]),
        };
        let _ = writeln!(text, "{indent}  of {name} ({})", columns.join(", "));
        for sum in inner {
            write_sum(text, sum, arena, depth + 2);
        }
    }
    if !term.conds.is_empty() {
        let _ = writeln!(text, "{indent}  where {}", list(&term.conds, " and "));
    }
    for sum in &term.exists {
        let _ = writeln!(text, "{indent}  where some");
        write_sum(text, sum, arena, depth + 2);
    }
    for absent in &term.absent {
        let _ = writeln!(text, "{indent}  where no");
        write_term(text, absent, arena, depth + 2);
    }
}
