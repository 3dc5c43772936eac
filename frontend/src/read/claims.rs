//! What a project's files say of its own models: their columns, and what checks prove of them.
//!
//! Of a model that is kept as written the columns are a table, and what checks prove are its facts,
//! as a test's facts are a source's. Of a model that is understood both follow from its SQL: columns
//! are passed over, and what checks prove is told and not leant on.

use std::sync::Arc;

use isomer_ir::{Dialect, Model, TestedClaim, TestedFact};

use super::declare::Tables;
use super::settings::SourceDecl;
use super::yaml::Reading;

/// What is said of one model.
#[derive(Debug)]
pub(crate) struct Claims {
    /// Its columns, where they are listed.
    pub(crate) result: SourceDecl,
    /// What checks prove: folded columns, the claim, and who says so.
    pub(crate) facts: Vec<(Vec<Arc<str>>, TestedClaim, Arc<str>)>,
}

/// Declares what is said of models. The facts that are no table's are given back, in order.
pub(crate) fn declare(
    said: Vec<(Model, Claims)>,
    tables: &mut Tables,
    dialect: Dialect,
    reading: &mut Reading<'_>,
) -> (Vec<Model>, Vec<TestedFact>) {
    let mut models = Vec::with_capacity(said.len());
    let mut tested = Vec::new();
    for (model, Claims { result, facts }) in said {
        let mut own = Reading { source: Arc::clone(&model.path), found: &mut *reading.found };
        tables.describe_model(&model, &result, dialect, &mut own);
        for (columns, claim, test) in facts {
            let fact = TestedFact { model: Arc::clone(&model.key), columns, claim, test };
            if model.is_opaque {
                tables.add_fact(&fact);
            }
            tested.push(fact);
        }
        models.push(model);
    }
    tested.sort_by(|a, b| (&a.model, &a.columns, &a.test).cmp(&(&b.model, &b.columns, &b.test)));
    (models, tested)
}
