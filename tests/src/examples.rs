//! The projects that ship, made small enough for tests: both ways of running them, and what their
//! pipelines are made of.

use isomer_engines::EngineKind;
use isomer_service::execute;
use isomer_service::optimize::Optimised;

use crate::{optimised, repository, resize};

/// A project of `examples/`.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// Name of its folder.
    pub name: &'static str,
    /// How many models it has.
    pub n_models: usize,
    /// Models that are not understood, in the dialect of DuckDB.
    pub opaque: &'static [&'static str],
    /// Models that no engine can run as they are; made-up rows stand for them.
    pub stood_in: &'static [&'static str],
    /// Settings of generators that tests change.
    pub sizes: &'static [(&'static str, &'static str)],
}

/// Three models that sessionise one table of events.
pub const SESSIONS: Example = Example {
    name: "sessions",
    n_models: 3,
    opaque: &[],
    stood_in: &[],
    sizes: &[("rows", "20000"), ("users", "200")],
};
/// Aggregates of one table by one dimension each.
pub const DIMENSIONS: Example =
    Example { name: "dimensions", n_models: 5, opaque: &[], stood_in: &[], sizes: &[("rows", "5000")] };
/// A dbt project with its manifest and its own rows.
pub const SHOP: Example = Example { name: "shop", n_models: 13, opaque: &[], stood_in: &[], sizes: &[] };
/// A smelt project.
pub const SMELT: Example =
    Example { name: "smelt", n_models: 6, opaque: &[], stood_in: &[], sizes: &[("rows", "20000"), ("users", "200")] };
/// An Interlace project with a Python model.
pub const INTERLACE: Example = Example {
    name: "interlace",
    n_models: 9,
    opaque: &["customer_scores", "marts.order_history"],
    stood_in: &["customer_scores"],
    sizes: &[("rows", "5000")],
};
/// A SQLMesh project with an incremental model.
pub const SQLMESH: Example = Example {
    name: "sqlmesh",
    n_models: 6,
    opaque: &["marts.ride_log"],
    stood_in: &["marts.ride_log"],
    sizes: &[("rows", "5000")],
};
/// The 22 TPC-H queries.
pub const TPCH: Example =
    Example { name: "tpch", n_models: 22, opaque: &[], stood_in: &[], sizes: &[("scale", "0.01")] };
/// All of them.
pub const ALL: [Example; 7] = [SESSIONS, DIMENSIONS, SHOP, SMELT, INTERLACE, SQLMESH, TPCH];

impl Example {
    /// The optimised project with small sources.
    ///
    /// # Panics
    ///
    /// When the project is refused.
    #[must_use]
    pub fn optimised(&self) -> Optimised {
        let mut optimised = optimised(&repository("examples").join(self.name));
        resize(&mut optimised, self.sizes);
        optimised
    }

    /// Runs the project both ways on an engine and compares the rows of every model.
    ///
    /// # Panics
    ///
    /// When the project has another number of models, when rows differ, or when a model has none.
    pub fn verify(&self, engine: EngineKind) {
        let mut optimised = self.optimised();
        let base = repository("examples").join(self.name);
        let verification = execute::verify(&mut optimised, execute::Site::new(engine, &base), &mut |_| {})
            .expect("the sources can be loaded");
        for model in &verification.models {
            // An opaque model of another dialect has a text that means nothing to the engine.
            let is_foreign = self.stood_in.contains(&&*model.name)
                || self.opaque.contains(&&*model.name) && engine == EngineKind::DataFusion;
            let expect = if is_foreign { "skipped" } else { "equal" };
            assert_eq!(model.verdict, expect, "{} of {} on {engine:?}: {:#?}", model.name, self.name, model.details);
        }
        assert!(verification.is_equal);
        assert_eq!(verification.models.len(), self.n_models, "models of {}", self.name);
        let n_with_rows = verification.models.iter().filter(|model| model.rows.is_some_and(|rows| rows > 0)).count();
        assert!(n_with_rows + 3 > self.n_models, "{n_with_rows} models of {} have rows", self.name);
    }
}
