//! The check of one step of a chain, by means that share nothing with what made it.
//!
//! Two opinions: a proof by sums over the plans as they stand, without normal form, e-graph or
//! templates of rules; and a search for a database on which the reference interpreter gives other
//! rows. The proof shares the scalar simplifier with the normal form; the search shares nothing,
//! and has the last word.

use isomer_ir::semantics::search::{self, Budget, Counterexample};
use isomer_ir::{Arena, Catalog, Output};

use super::prover::{Prover, Shape};
use crate::operator::Context;
use crate::simplify::Switches;
use crate::templates::ScalarTemplates;

/// What the check of a step found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The finding.
    pub verdict: Verdict,
    /// Databases on which both plans were run.
    pub n_databases: usize,
    /// Declared facts without which the proof fails, in words; empty where nothing is proved.
    pub leans_on: Vec<String>,
    /// What the proof takes for granted beside declared facts.
    pub assumptions: Vec<&'static str>,
}

/// Whether a step keeps the rows.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Both plans are equal as sums of products, and no database tells them apart.
    Proved,
    /// No database tells them apart.
    Tested,
    /// A database on which they differ.
    Refuted(Box<Counterexample>),
    /// Neither proved nor tried, with the reason.
    Open(&'static str),
}

/// Checks that `after` gives the rows of `before` over tables of the catalog that obey its facts.
///
/// Models and shared relations that the plans read must have been put in their place.
#[must_use]
pub fn check_step(before: &Output, after: &Output, arena: &Arena, catalog: &Catalog, budget: &Budget) -> Checked {
    let found = search::counterexample(before, after, arena, catalog, budget);
    let mut checked = Checked {
        verdict: Verdict::Tested,
        n_databases: found.n_compared,
        leans_on: Vec::new(),
        assumptions: Vec::new(),
    };
    if let Some(counterexample) = found.counterexample {
        checked.verdict = Verdict::Refuted(Box::new(counterexample));
        return checked;
    }
    let mut context = Context::new(arena.clone(), catalog.clone());
    if let Some(assumptions) = proof(&mut context, before, after) {
        checked.verdict = Verdict::Proved;
        checked.assumptions = assumptions;
        checked.leans_on = needed(&mut context, before, after);
    } else if found.n_compared == 0 {
        checked.verdict = Verdict::Open(found.open.unwrap_or("no database was found to try"));
    }
    checked
}

/// What a proof takes for granted; nothing where none is found.
fn proof(context: &mut Context, before: &Output, after: &Output) -> Option<Vec<&'static str>> {
    let ids = |output: &Output| output.columns.iter().map(|column| column.column).collect::<Vec<_>>();
    if before.plan == after.plan && ids(before) == ids(after) {
        return Some(Vec::new());
    }
    let shapes = [Shape::written(context, before), Shape::written(context, after)];
    let (mut switches, templates) = (Switches::default(), ScalarTemplates::default());
    let mut prover = Prover::new(context, &mut switches, &templates);
    prover.proves(&shapes[0], &shapes[1]).then(|| prover.assumptions.into_iter().collect())
}

/// A declared fact of the catalog.
#[derive(Debug, Clone, Copy)]
enum Fact {
    Key(usize),
    ForeignKey(usize),
    NotNull(usize),
    /// All columns of a table that hold no NULL: tried before each by itself.
    EveryNotNull,
}

/// Declared facts without which the proof fails: each is taken away, and kept away unless it is missed.
fn needed(context: &mut Context, before: &Output, after: &Output) -> Vec<String> {
    let whole = context.catalog.clone();
    let mut tables = before.plan.tables();
    tables.extend(after.plan.tables());
    tables.sort_unstable();
    tables.dedup();
    for table in &tables {
        let Some(table) = context.catalog.get_mut(table) else { continue };
        table.keys.clear();
        table.foreign_keys.clear();
        table.columns.iter_mut().for_each(|column| column.is_nullable = true);
    }
    if proof(context, before, after).is_some() {
        context.catalog = whole;
        return Vec::new();
    }
    context.catalog = whole;
    let mut needed = Vec::new();
    for key in &tables {
        let Some(table) = context.catalog.get(key) else { continue };
        let mut facts: Vec<Fact> = vec![Fact::EveryNotNull];
        // From the last on, so that positions of those before it stay.
        facts.extend((0..table.foreign_keys.len()).rev().map(Fact::ForeignKey));
        facts.extend((0..table.keys.len()).rev().map(Fact::Key));
        let mut next = 0;
        while let Some(&fact) = facts.get(next) {
            next += 1;
            let Some(table) = context.catalog.get_mut(key) else { continue };
            let kept = table.clone();
            without(table, fact);
            if proof(context, before, after).is_some() {
                continue;
            }
            match fact {
                Fact::EveryNotNull => {
                    facts
                        .extend((0..kept.columns.len()).filter(|&at| !kept.columns[at].is_nullable).map(Fact::NotNull));
                }
                Fact::Key(_) | Fact::ForeignKey(_) | Fact::NotNull(_) => needed.push(words(&kept, fact)),
            }
            context.catalog.insert(kept);
        }
    }
    needed.sort();
    needed
}

fn without(table: &mut isomer_ir::Table, fact: Fact) {
    match fact {
        Fact::Key(at) => {
            table.keys.remove(at);
        }
        Fact::ForeignKey(at) => {
            table.foreign_keys.remove(at);
        }
        Fact::NotNull(at) => table.columns[at].is_nullable = true,
        Fact::EveryNotNull => table.columns.iter_mut().for_each(|column| column.is_nullable = true),
    }
}

fn words(table: &isomer_ir::Table, fact: Fact) -> String {
    let names = |positions: &[usize]| {
        let names = positions.iter().filter_map(|&at| table.columns.get(at)).map(|column| &*column.name);
        names.collect::<Vec<_>>().join(", ")
    };
    match fact {
        Fact::Key(at) => {
            let key = &table.keys[at];
            format!("({}) is a key of {}, says {}", names(&key.columns), table.sql_name, key.declared_by)
        }
        Fact::ForeignKey(at) => {
            let key = &table.foreign_keys[at];
            format!(
                "({}) of {} refers to ({}) of {}, says {}",
                names(&key.columns),
                table.sql_name,
                key.referred.join(", "),
                key.table,
                key.declared_by
            )
        }
        Fact::NotNull(at) => format!("{} of {} is declared NOT NULL", table.columns[at].name, table.sql_name),
        Fact::EveryNotNull => format!("columns of {} are declared NOT NULL", table.sql_name),
    }
}
