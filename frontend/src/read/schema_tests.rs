//! Facts from dbt's tests: what a passing test proves of a table, and nothing more.
//!
//! A test that looks at some rows only (`where`, `limit`), that may fail without an error
//! (`severity: warn`, `error_if`), or that counts in its own way (`fail_calc`) proves nothing.

use std::sync::Arc;

use isomer_ir::{Catalog, ForeignKey, Table, fold};
use serde_json::Value;

use super::dbt::relation_key;
use super::declare::add_key;
use super::manifest::{Manifest, Node, TestMetadata};
use super::name::unquoted;

/// Adds what the tests of a manifest prove of the tables in the catalog.
///
/// May miss facts (of tables whose columns nobody lists), never invents one that a passing test
/// does not prove.
pub(crate) fn declare(manifest: &Manifest, catalog: &mut Catalog) {
    for test in manifest.nodes.values().filter(|node| node.resource_type == "test" && is_proof(node)) {
        let (Some(metadata), Some(attached)) = (&test.test_metadata, &test.attached_node) else { continue };
        let Some(table) = relation_key(manifest, attached).and_then(|key| catalog.get_mut(&key)) else { continue };
        let declared_by: Arc<str> = Arc::from(test.name.as_str());
        match (metadata.namespace.as_deref(), metadata.name.as_str()) {
            (None | Some("dbt"), "not_null") => {
                if let Some(column) = own_column(test, metadata, table) {
                    table.columns[column].is_nullable = false;
                }
            }
            (None | Some("dbt"), "unique") => {
                if let Some(column) = own_column(test, metadata, table) {
                    add_key(table, vec![column], &declared_by);
                }
            }
            (Some("dbt_utils"), "unique_combination_of_columns") => {
                if let Some(columns) = combination(metadata, table) {
                    add_key(table, columns, &declared_by);
                }
            }
            (None | Some("dbt"), "relationships") => {
                let reference = reference(manifest, test, metadata, attached);
                if let (Some(column), Some((key, field))) = (own_column(test, metadata, table), reference) {
                    table.foreign_keys.push(ForeignKey {
                        columns: vec![column],
                        table: key,
                        referred: vec![field],
                        declared_by,
                    });
                }
            }
            _ => {}
        }
    }
}

fn is_proof(test: &Node) -> bool {
    let config = &test.config;
    let is_default =
        |setting: &Option<String>, default: &str| setting.as_deref().is_none_or(|said| said.trim() == default);
    test.is_enabled()
        && config.severity.as_deref().is_none_or(|severity| severity.eq_ignore_ascii_case("error"))
        && config.condition.is_none()
        && config.limit.as_ref().is_none_or(Value::is_null)
        && is_default(&config.error_if, "!= 0")
        && is_default(&config.fail_calc, "count(*)")
}

/// The column that a test is about. dbt also lets an expression stand there, which is no column.
fn own_column(test: &Node, metadata: &TestMetadata, table: &Table) -> Option<usize> {
    let named = metadata.kwargs.get("column_name").and_then(Value::as_str);
    table.position(&fold(&unquoted(named.or(test.column_name.as_deref())?)))
}

fn combination(metadata: &TestMetadata, table: &Table) -> Option<Vec<usize>> {
    let names = metadata.kwargs.get("combination_of_columns")?.as_array()?;
    names.iter().map(|name| table.position(&fold(&unquoted(name.as_str()?)))).collect()
}

/// The relation and the column that a relationships test refers to: of the nodes it depends on, the
/// one that `to` names.
fn reference(
    manifest: &Manifest,
    test: &Node,
    metadata: &TestMetadata,
    attached: &str,
) -> Option<(Arc<str>, Arc<str>)> {
    let to = metadata.kwargs.get("to")?.as_str()?;
    let field = metadata.kwargs.get("field")?.as_str()?;
    // `ref('customers')`, `ref('package', 'customers')` or `source('raw', 'customers')`.
    let name = to.split(['\'', '"']).rfind(|part| !part.trim().is_empty() && !part.contains(['(', ')', ',']))?;
    let is_named = |id: &&String| {
        let node = manifest.nodes.get(*id).or_else(|| manifest.sources.get(*id));
        node.is_some_and(|node| node.name == name)
    };
    let mut others = test.depends_on.nodes.iter().filter(|id| *id != attached).filter(is_named);
    let id = match (others.next(), others.next()) {
        (Some(id), None) => id,
        // A table that refers to itself is its only dependency.
        (None, _) => test.depends_on.nodes.iter().find(|id| *id == attached && is_named(id))?,
        (Some(_), Some(_)) => return None,
    };
    Some((relation_key(manifest, id)?, fold(&unquoted(field))))
}
