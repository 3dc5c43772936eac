//! One instance of a rule: made, bound, searched for a counterexample, and proved.

use std::sync::Arc;

use isomer_ir::semantics::search::{Budget, Failures, Outcome, counterexample};
use isomer_ir::{Arena, Catalog, Dialect, Output, Settings};
use isomer_rewriter::{Config, Ground, Proof, prove};
use isomer_rules::{CompiledRule, RuleSet};

use super::frame::{Choice, Frame};
use super::sql::sides;
use super::term::{Constraint, Found};

/// A rule with something in the place of each symbol.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The tables as `CREATE TABLE`.
    pub schema: String,
    /// The left side and the right one.
    pub sides: [String; 2],
}

impl Instance {
    /// Makes an instance; `links` are the constraints as the rule has them before any is taken away.
    ///
    /// # Errors
    ///
    /// Why this choice has none.
    pub fn new(rule: &Found, links: &[Constraint], choice: Choice) -> Result<Self, String> {
        let frame = Frame::new(rule, links, choice);
        Ok(Self { sides: sides(&rule.left, &rule.right, &frame)?, schema: frame.schema() })
    }
}

/// What became of an instance.
#[derive(Debug)]
pub struct Judged {
    /// A database on which the sides differ, as `INSERT` statements and rows; `None` where none was found.
    pub refuted: Option<String>,
    /// Whether the sides were proved equal.
    pub is_proved: bool,
    /// Databases that could be compared.
    pub n_compared: usize,
}

/// What instances are judged by.
#[derive(Debug)]
pub struct Judge {
    arena: Arena,
    compiled: Vec<CompiledRule>,
    budget: Budget,
    /// For what neither the first search refutes nor the prover proves.
    deep: Budget,
}

impl Judge {
    /// Judges by these rules, and by searches of these sizes: the second for what is neither refuted by
    /// the first nor proved.
    #[must_use]
    pub fn new(rules: &RuleSet, n_every: usize, n_random: usize, n_deep: usize) -> Self {
        let mut arena = Arena::default();
        let compiled = isomer_frontend::compile_rules(rules, &mut arena).0;
        let budget = Budget { n_every, n_random, max_rows: 4, failures: Failures::Neither, ..Budget::default() };
        let deep = Budget { seed: 2, n_every: 0, n_random: n_deep, ..budget };
        Self { arena, compiled, budget, deep }
    }

    /// Searches an instance for a counterexample, and tries to prove it.
    ///
    /// # Errors
    ///
    /// Why it cannot be bound or tried.
    pub fn judge(&self, instance: &Instance) -> Result<Judged, String> {
        let (arena, catalog, [left, right]) = self.bound(instance)?;
        let is_proved = self.proof(&arena, &catalog, &left, &right).method.is_some();
        let mut search = counterexample(&left, &right, &arena, &catalog, &self.budget);
        if search.counterexample.is_none() && !is_proved {
            let deeper = counterexample(&left, &right, &arena, &catalog, &self.deep);
            search.n_compared += deeper.n_compared;
            search.counterexample = deeper.counterexample;
        }
        if search.n_compared == 0 {
            return Err(search.open.unwrap_or("no database could be made").to_owned());
        }
        let refuted = search.counterexample.map(|found| {
            let tables: Vec<String> = catalog
                .tables()
                .map(|table| (table, found.database.rows(&table.key)))
                .filter(|(_, rows)| !rows.is_empty())
                .map(|(table, rows)| format!("{}: {rows:?}", table.sql_name))
                .collect();
            let Outcome { first, second } = &found.outcome;
            format!("{}\n{first:?}\n{second:?}", tables.join("; "))
        });
        Ok(Judged { refuted, is_proved, n_compared: search.n_compared })
    }

    fn proof(&self, arena: &Arena, catalog: &Catalog, left: &Output, right: &Output) -> Proof {
        let settings = Settings::default();
        let ground = Ground { arena, catalog, rules: &self.compiled, settings: &settings };
        prove(ground, left, right, &Config::default())
    }

    fn bound(&self, instance: &Instance) -> Result<(Arena, Catalog, [Output; 2]), String> {
        let source: Arc<str> = Arc::from("schema");
        let (catalog, faults) = isomer_frontend::read_schema(&instance.schema, &source, Dialect::DuckDb);
        if let Some(fault) = faults.first() {
            return Err(format!("schema: {fault}"));
        }
        let mut arena = self.arena.clone();
        let mut bind = |name: &str, sql: &str| -> Result<Output, String> {
            let (output, diagnostics, _) =
                isomer_frontend::bind_query(sql, &Arc::from(name), Dialect::DuckDb, &mut arena, &catalog);
            output.ok_or_else(|| diagnostics.first().map_or_else(String::new, ToString::to_string))
        };
        let outputs = [bind("left", &instance.sides[0])?, bind("right", &instance.sides[1])?];
        Ok((arena, catalog, outputs))
    }
}
