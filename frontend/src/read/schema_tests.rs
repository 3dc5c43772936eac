//! Facts from dbt's tests: what a passing test proves of a table, and nothing more.
//!
//! A test that looks at some rows only (`where`, `limit`), that may fail without an error
//! (`severity: warn`, `error_if`), or that counts in its own way (`fail_calc`) proves nothing.

use std::sync::Arc;

use isomer_ir::{Dialect, TestedClaim, TestedFact, fold};
use serde_json::Value;

use super::dbt::relation_key;
use super::declare::Tables;
use super::manifest::{Manifest, Node, TestMetadata};
use super::name::unquoted;

/// Adds what the tests of a manifest prove of the tables in the catalog, and gives what they prove of models.
///
/// May miss facts (of tables whose columns nobody lists), never invents one that a passing test
/// does not prove.
pub(crate) fn declare(manifest: &Manifest, dialect: Dialect, tables: &mut Tables) -> Vec<TestedFact> {
    let mut of_models = Vec::new();
    for test in manifest.nodes.values().filter(|node| node.resource_type == "test" && is_proof(node)) {
        let (Some(metadata), Some(attached)) = (&test.test_metadata, attached(test)) else { continue };
        let Some(key) = relation_key(manifest, dialect, attached) else { continue };
        let Some((columns, claim)) = claim(manifest, dialect, test, metadata, attached) else { continue };
        let fact = TestedFact { model: key, columns, claim, test: Arc::from(test.name.as_str()) };
        if tables.catalog.get(&fact.model).is_some() {
            tables.add_fact(&fact);
        } else if manifest.nodes.get(attached).is_some_and(Node::is_model) {
            of_models.push(fact);
        }
    }
    of_models.sort_by(|a, b| (&a.model, &a.columns, &a.test).cmp(&(&b.model, &b.columns, &b.test)));
    of_models
}

/// What a generic test claims, of which columns.
fn claim(
    manifest: &Manifest,
    dialect: Dialect,
    test: &Node,
    metadata: &TestMetadata,
    attached: &str,
) -> Option<(Vec<Arc<str>>, TestedClaim)> {
    let own = || Some(vec![own_column(test, metadata)?]);
    match (metadata.namespace.as_deref(), metadata.name.as_str()) {
        (None | Some("dbt"), "not_null") => Some((own()?, TestedClaim::NotNull)),
        (None | Some("dbt"), "unique") => Some((own()?, TestedClaim::Unique)),
        (None | Some("dbt"), "accepted_values") => {
            let values = metadata.kwargs.get("values")?.as_array()?;
            let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some((own()?, TestedClaim::OneOf(values.iter().map(|one| Arc::from(value(one))).collect())))
        }
        (None | Some("dbt"), "relationships") => {
            let (key, field) = reference(manifest, dialect, test, metadata, attached)?;
            Some((own()?, TestedClaim::References(key, vec![field])))
        }
        (Some("dbt_utils"), "unique_combination_of_columns") => Some((combination(metadata)?, TestedClaim::Unique)),
        _ => None,
    }
}

/// The node that a test is about. Before dbt 1.6 it is not named, but one that reads a single node is about that.
fn attached(test: &Node) -> Option<&str> {
    match (&test.attached_node, test.depends_on.nodes.as_slice()) {
        (Some(node), _) => Some(node),
        (None, [node]) => Some(node),
        (None, _) => None,
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
fn own_column(test: &Node, metadata: &TestMetadata) -> Option<Arc<str>> {
    let named = metadata.kwargs.get("column_name").and_then(Value::as_str);
    Some(fold(&unquoted(named.or(test.column_name.as_deref())?)))
}

fn combination(metadata: &TestMetadata) -> Option<Vec<Arc<str>>> {
    let names = metadata.kwargs.get("combination_of_columns")?.as_array()?;
    names.iter().map(|name| Some(fold(&unquoted(name.as_str()?)))).collect()
}

/// The relation and the column that a relationships test refers to: of the nodes it depends on, the
/// one that `to` names.
fn reference(
    manifest: &Manifest,
    dialect: Dialect,
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
    Some((relation_key(manifest, dialect, id)?, fold(&unquoted(field))))
}
