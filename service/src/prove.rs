//! Are two queries, or two versions of a project, equal? Proved, refuted or unknown.
//!
//! A proof is looked for first. Then small databases are searched for one that tells the queries
//! apart, also after a proof: a proof that a database contradicts is not told as one.

use std::fmt::Write;
use std::sync::Arc;

use isomer_frontend::ReadOptions;
use isomer_ir::semantics::search::{Budget, Counterexample, Difference, Failures, counterexample};
use isomer_ir::semantics::{EvalError, Rows};
use isomer_ir::{Arena, Bound, BoundProject, Catalog, Diagnostic, Dialect, Output, Settings, Span, Table};
use isomer_rewriter::{Config, Ground, Method, Proof, over_sources, prove};

use crate::api::prove::{Equality, ModelEquality, Refutation};
use crate::files::DiskProject;
use crate::optimize::rules_of;

/// Databases that are tried against a proof.
const N_AFTER_PROOF: usize = 60;

/// Two queries over one catalog, in one arena.
#[derive(Debug)]
pub struct Question {
    /// Scalars and columns of both.
    pub arena: Arena,
    /// Tables with their declared facts.
    pub catalog: Catalog,
    /// The first query.
    pub first: Output,
    /// The second query.
    pub second: Output,
}

/// Binds two texts over a schema.
///
/// # Errors
///
/// Every fault of the texts.
pub fn ask(
    catalog: Catalog,
    dialect: Dialect,
    first: (&Arc<str>, &str),
    second: (&Arc<str>, &str),
) -> Result<Question, Vec<Diagnostic>> {
    let mut arena = Arena::default();
    let mut faults = Vec::new();
    let mut bind = |(name, sql): (&Arc<str>, &str)| {
        let (output, diagnostics, _) = isomer_frontend::bind_query(sql, name, dialect, &mut arena, &catalog);
        faults.extend(diagnostics);
        output
    };
    match (bind(first), bind(second)) {
        (Some(first), Some(second)) => Ok(Question { arena, catalog, first, second }),
        _ => Err(faults),
    }
}

/// Decides a question. `n_databases` bounds the search for a counterexample: as many small databases
/// tried one by one, and as many random ones.
#[must_use]
pub fn decide(question: &Question, n_databases: usize) -> Equality {
    let Question { arena, catalog, first, second } = question;
    if first.columns.len() != second.columns.len() {
        let reason = format!("{} columns and {} columns", first.columns.len(), second.columns.len());
        return Equality { verdict: "refuted", reason: Some(reason), ..Equality::default() };
    }
    let mut arena_with_rules = arena.clone();
    let (rules, _) = rules_of(&[]);
    let compiled = isomer_frontend::compile_rules(&rules, &mut arena_with_rules).0;
    let settings = Settings::default();
    let ground = Ground { arena: &arena_with_rules, catalog, rules: &compiled, settings: &settings };
    let proof = prove(ground, first, second, &Config::default());
    let n = if proof.method.is_some() { n_databases.min(N_AFTER_PROOF) } else { n_databases };
    let budget = Budget { n_every: n, n_random: n, failures: Failures::Neither, ..Budget::default() };
    let search = counterexample(first, second, arena, catalog, &budget);
    let mut equality = Equality {
        n_databases: search.n_compared,
        first_rules: proof.left.keys().map(ToString::to_string).collect(),
        second_rules: proof.right.keys().map(ToString::to_string).collect(),
        ..Equality::default()
    };
    match (search.counterexample, proof.method) {
        (Some(found), method) => {
            equality.verdict = "refuted";
            equality.refutation = Some(refutation(&found, catalog));
            if method.is_some() {
                equality.reason =
                    Some("a proof was found as well: this is a bug of isomer, please report it".to_owned());
            }
        }
        (None, Some(method)) => proved(&mut equality, method, &proof),
        (None, None) => {
            equality.verdict = "unknown";
            equality.reason = Some(match search.open {
                Some(open) => format!("no proof; the search for a counterexample was not complete: {open}"),
                None => "no proof, and no database that tells them apart".to_owned(),
            });
            equality.forms = Some(forms(&proof));
        }
    }
    equality
}

fn proved(equality: &mut Equality, method: Method, proof: &Proof) {
    equality.verdict = "proved";
    let (word, reason) = match method {
        Method::Identical => ("identical", "both bind to the same plan"),
        Method::SameClass => ("normal_form", "rules bring both to one relation"),
        Method::SameSum => ("sums", "both count the same choices of rows of the same tables"),
    };
    equality.method = Some(word);
    equality.reason = Some(reason.to_owned());
    equality.assumptions = proof.assumptions.iter().map(ToString::to_string).collect();
    if method == Method::SameSum {
        equality.forms = Some(proof.sums.clone());
    } else if method == Method::SameClass {
        equality.forms = Some(proof.normal_forms.clone());
    }
}

fn forms(proof: &Proof) -> [String; 2] {
    if proof.sums.iter().all(|sum| sum.is_empty()) { proof.normal_forms.clone() } else { proof.sums.clone() }
}

/// A counterexample as statements that can be run, with what both queries give.
pub(crate) fn refutation(found: &Counterexample, catalog: &Catalog) -> Refutation {
    let difference = match found.difference {
        Difference::Rows => "rows",
        Difference::FirstFails => "first_fails",
        Difference::SecondFails => "second_fails",
    };
    let mut database = String::new();
    for (key, rows) in found.database.tables() {
        let Some(table) = catalog.get(key) else { continue };
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let null = if column.is_nullable { "" } else { " NOT NULL" };
                let data_type = isomer_codegen::type_name(column.data_type, Dialect::DuckDb);
                format!("{} {}{null}", column.name, data_type.unwrap_or_else(|_| column.data_type.to_string()))
            })
            .collect();
        let _ = writeln!(database, "CREATE TABLE {} ({});", table.sql_name, columns.join(", "));
        for row in rows {
            let values: Vec<String> = row.iter().map(ToString::to_string).collect();
            let _ = writeln!(database, "INSERT INTO {} VALUES ({});", table.sql_name, values.join(", "));
        }
    }
    let [first, second] = [&found.outcome.first, &found.outcome.second].map(shown);
    Refutation { difference, database, first, second }
}

fn shown(result: &Result<Rows, EvalError>) -> Vec<String> {
    match result {
        Ok(rows) => {
            let row = |row: &Vec<isomer_ir::semantics::Value>| {
                let values: Vec<String> = row.iter().map(ToString::to_string).collect();
                format!("({})", values.join(", "))
            };
            let mut shown: Vec<String> = rows.rows.iter().map(row).collect();
            if rows.peers.is_none() {
                shown.sort();
            }
            shown
        }
        Err(EvalError::Raised(error)) => vec![format!("fails: {error:?}")],
        Err(EvalError::Unsupported(what)) => vec![format!("not known: {what}")],
    }
}

/// Decides for every model that two versions of a project have, over their common sources, with all
/// upstream models inlined.
///
/// # Errors
///
/// What stops either project.
pub fn compare_projects(
    old: &DiskProject,
    new: &DiskProject,
    n_databases: usize,
) -> Result<Vec<ModelEquality>, Vec<Diagnostic>> {
    let first = bound(old, Arena::default())?;
    let second = bound(new, first.arena.clone())?;
    let catalog = common_facts(&first, &second);
    let mut arena = second.arena.clone();
    let mut compared = Vec::new();
    for &position in &first.order {
        let model = &first.project.models[position];
        let name = model.name.to_string();
        let Some(partner) = second.model_position(&model.key) else {
            compared.push(ModelEquality { model: name, equality: told("removed", "only the first version has it") });
            continue;
        };
        let whole = (over_sources(&mut arena, &first, position), over_sources(&mut arena, &second, partner));
        let equality = match whole {
            (Some(one), Some(other)) => match by_name(one, other) {
                Ok((one, other)) => {
                    let question =
                        Question { arena: arena.clone(), catalog: catalog.clone(), first: one, second: other };
                    decide(&question, n_databases)
                }
                Err(reason) => told("refuted", &reason),
            },
            _ => told("unknown", "a model that is not understood stands between it and the sources"),
        };
        compared.push(ModelEquality { model: name, equality });
    }
    for &position in &second.order {
        let model = &second.project.models[position];
        if first.model_position(&model.key).is_none() {
            let equality = told("added", "only the second version has it");
            compared.push(ModelEquality { model: model.name.to_string(), equality });
        }
    }
    Ok(compared)
}

fn told(verdict: &'static str, reason: &str) -> Equality {
    Equality { verdict, reason: Some(reason.to_owned()), ..Equality::default() }
}

/// Readers know a model's columns by name: the second version's in the order of the first's.
fn by_name(one: Output, mut other: Output) -> Result<(Output, Output), String> {
    let mut columns = Vec::with_capacity(one.columns.len());
    for column in &one.columns {
        let key = isomer_ir::fold(&column.name);
        match other.columns.iter().position(|known| isomer_ir::fold(&known.name) == key) {
            Some(place) => columns.push(other.columns[place].clone()),
            None => return Err(format!("the second version has no column `{}`", column.name)),
        }
    }
    if let Some(more) = other.columns.iter().find(|column| columns.iter().all(|known| known.name != column.name)) {
        return Err(format!("the first version has no column `{}`", more.name));
    }
    other.columns = columns;
    Ok((one, other))
}

fn bound(disk: &DiskProject, arena: Arena) -> Result<BoundProject, Vec<Diagnostic>> {
    let (project, mut faults) = isomer_frontend::read_project(&disk.files, &ReadOptions { target: None });
    let Some(project) = project else { return Err(faults) };
    let bound = isomer_frontend::bind_project_with(project, arena);
    if bound.models.iter().all(|model| matches!(model.bound, Bound::Opaque)) {
        let nothing = Diagnostic::project(
            "PRJ-0001",
            &Arc::from("."),
            Span::default(),
            "found no model that is understood, expected at least one",
        );
        faults.extend(bound.diagnostics);
        faults.push(nothing);
        return Err(faults);
    }
    Ok(bound)
}

/// Sources with the facts that both versions declare.
fn common_facts(first: &BoundProject, second: &BoundProject) -> Catalog {
    let mut common = Catalog::default();
    for table in first.project.catalog.tables() {
        let mut table: Table = table.clone();
        if let Some(other) = second.project.catalog.get(&table.key) {
            let is_same_shape = table.columns.len() == other.columns.len();
            if !is_same_shape {
                table.keys.clear();
                table.foreign_keys.clear();
            }
            table.keys.retain(|key| other.keys.iter().any(|known| known.columns == key.columns));
            table.foreign_keys.retain(|own| {
                let is_same = |known: &isomer_ir::ForeignKey| {
                    (&known.columns, &known.table, &known.referred) == (&own.columns, &own.table, &own.referred)
                };
                other.foreign_keys.iter().any(is_same)
            });
            for column in &mut table.columns {
                let is_nullable = |known: &isomer_ir::Column| known.key == column.key && !known.is_nullable;
                column.is_nullable |= !other.columns.iter().any(is_nullable);
            }
        }
        common.insert(table);
    }
    for table in second.project.catalog.tables() {
        if common.get(&table.key).is_none() {
            common.insert(table.clone());
        }
    }
    common
}
