//! The facts of rule files, declared of the catalog's tables.

use std::sync::Arc;

use isomer_ir::{Catalog, Diagnostic, ForeignKey, Table, fold, nearest};
use isomer_rules::{Claim, Fact};

use crate::read::add_key;

/// Adds facts to the tables that they are about; what names no table or column is told.
///
/// A fact extends what the project declares and takes nothing back.
#[must_use]
pub fn declare_facts(catalog: &mut Catalog, facts: &[Fact]) -> Vec<Diagnostic> {
    facts.iter().filter_map(|fact| declare(catalog, fact).err()).map(|diagnostic| *diagnostic).collect()
}

fn declare(catalog: &mut Catalog, fact: &Fact) -> Result<(), Box<Diagnostic>> {
    let key = table_key(catalog, fact, &fact.table)?;
    let Some(found) = catalog.get(&key) else { return Ok(()) };
    let positions = positions_of(found, fact, &fact.columns)?;
    let declared_by: Arc<str> = Arc::from(fact.declared_by());
    match &fact.claim {
        Claim::Unique => {
            if let Some(table) = catalog.get_mut(&key) {
                add_key(table, positions, &declared_by);
            }
        }
        Claim::NotNull => positions.iter().for_each(|&position| catalog.declare_not_null(&key, position, &declared_by)),
        Claim::References { table: other, columns } => {
            let other = table_key(catalog, fact, other)?;
            if let Some(target) = catalog.get(&other) {
                positions_of(target, fact, columns)?;
            }
            let referred: Vec<Arc<str>> = columns.iter().map(|name| fold(name)).collect();
            let Some(table) = catalog.get_mut(&key) else { return Ok(()) };
            let is_known =
                |known: &ForeignKey| known.columns == positions && known.table == other && known.referred == referred;
            if !table.foreign_keys.iter().any(is_known) {
                table.foreign_keys.push(ForeignKey { columns: positions, table: other, referred, declared_by });
            }
        }
    }
    Ok(())
}

fn fault(fact: &Fact, message: String, help: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::project("RULE-0059", &fact.file, fact.span, message).with_help(help))
}

/// The key of a table by its name, or by the end of one where only one table ends so.
fn table_key(catalog: &Catalog, fact: &Fact, name: &str) -> Result<Arc<str>, Box<Diagnostic>> {
    let key = fold(name);
    if catalog.get(&key).is_some() {
        return Ok(key);
    }
    let suffix = format!(".{key}");
    let ending: Vec<&Table> = catalog.tables().filter(|table| table.key.ends_with(&suffix)).collect();
    if let [only] = ending.as_slice() {
        return Ok(Arc::clone(&only.key));
    }
    let message = format!("found a fact of `{name}`, which is no declared source");
    let help = match nearest(name, catalog.tables().map(|table| &*table.key)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "declare the source first; what holds of a model follows from its SQL".to_owned(),
    };
    Err(fault(fact, message, help))
}

fn positions_of(table: &Table, fact: &Fact, columns: &[String]) -> Result<Vec<usize>, Box<Diagnostic>> {
    let position = |name: &String| {
        table.position(&fold(name)).ok_or_else(|| {
            let message = format!("found a fact of `{name}`, which `{}` does not have", table.key);
            let help = match nearest(name, table.columns.iter().map(|column| &*column.name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare the column with its source".to_owned(),
            };
            fault(fact, message, help)
        })
    };
    columns.iter().map(position).collect()
}
