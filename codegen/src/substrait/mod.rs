//! Substrait: one plan of one root for an output, with deterministic bytes.
//!
//! Written against Substrait 0.85 and read by DataFusion's consumer: extension URNs, compound
//! function names, anchors from 1, output types and phases everywhere, and only the new forms of
//! each message. A name carries no meaning in Substrait; fields are positions.
//!
//! The plan computes what the output means, not what the consumer would make of like words:
//! results whose type differs at the consumer are cast, and what it would read as other rows is
//! refused with a [`CodegenError`].
//!
//! *Tables* are read as `named_table` with the parts of the catalog's `sql_name`: a bare part in
//! lower case, a quoted part as it is, which is how DataFusion resolves the same name in SQL.
//! Columns go by their names as written in the catalog.

mod aggregate;
mod check;
mod function;
mod join;
mod message;
mod registry;
mod relation;
mod scalar;
mod set;
mod temporal;
#[cfg(test)]
mod tests;
mod types;
mod window;

use std::collections::BTreeSet;

use isomer_ir::{Arena, Catalog, ColumnId, Dialect, Output};
use prost::Message;
use substrait::proto::{Plan, PlanRel, RelRoot, plan_rel};

pub use check::check_substrait;

use self::registry::Registry;
use crate::CodegenError;

/// Nested operators and operands; far below what a thread's stack holds, above what any consumer
/// reads (protobuf readers stop at 100 nested messages).
const MAX_DEPTH: usize = 100;
/// Nodes of one scalar written as a tree: shared operands are repeated in a Substrait plan.
const MAX_TREE_SIZE: u64 = 2_000_000;

/// The bytes of the Substrait plan that computes `output`. Equal calls give equal bytes.
///
/// # Errors
///
/// Names the first construct that no plan says correctly to DataFusion's consumer, or a plan
/// nested too deeply for protobuf readers.
pub fn to_substrait(output: &Output, arena: &mut Arena, catalog: &Catalog) -> Result<Vec<u8>, CodegenError> {
    let bytes = plan_message(output, arena, catalog)?.encode_to_vec();
    // Readers refuse messages nested deeper than 100 levels; prost is one of them.
    match Plan::decode(bytes.as_slice()) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(too_deep()),
    }
}

fn plan_message(output: &Output, arena: &mut Arena, catalog: &Catalog) -> Result<Plan, CodegenError> {
    let mut producer = Producer { arena, catalog, registry: Registry::default(), depth: 0 };
    let columns: Vec<ColumnId> = output.columns.iter().map(|column| column.column).collect();
    let needed: BTreeSet<ColumnId> = columns.iter().copied().collect();
    let relation = producer.relation(&output.plan, &needed)?;
    let relation = relation.narrowed(&columns)?;
    let root = RelRoot {
        input: Some(relation.rel),
        names: output.columns.iter().map(|column| column.name.to_string()).collect(),
    };
    Ok(Plan {
        version: Some(substrait::version::version_with_producer("isomer")),
        extension_urns: producer.registry.urns(),
        extensions: producer.registry.declarations(),
        relations: vec![PlanRel { rel_type: Some(plan_rel::RelType::Root(root)) }],
        ..Plan::default()
    })
}

/// What is at hand while one plan is written.
#[derive(Debug)]
struct Producer<'a> {
    arena: &'a mut Arena,
    catalog: &'a Catalog,
    registry: Registry,
    depth: usize,
}

impl Producer<'_> {
    /// Runs `write` one level deeper.
    fn nested<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, CodegenError>) -> Result<T, CodegenError> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        let written = stacker::maybe_grow(64 * 1024, 1024 * 1024, || write(self));
        self.depth -= 1;
        written
    }
}

fn too_deep() -> CodegenError {
    refusal("GEN-0104", "a plan of more than 100 nested messages", "split the model, or write it as SQL")
}

/// A construct that is not written.
fn refusal(code: &'static str, construct: &str, help: &str) -> CodegenError {
    CodegenError::new(code, format!("{construct} in a Substrait plan"), Dialect::DataFusion, help)
}
