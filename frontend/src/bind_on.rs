//! Join conditions that hold subqueries.
//!
//! Of an inner join the condition is a filter above it. Of the others a subquery is joined to the side that
//! may be left without a match, below the join: it then reads columns of that side alone.

use isomer_ir::{Arena, ColumnId, JoinKind, Plan, ScalarId};
use sqlparser::ast::Expr;

use crate::bind::{Bind, Binder, Clause, Level};
use crate::scope::{Rel, Scope};
use crate::syntax::conjuncts;

impl<'a> Binder<'a> {
    /// An inner join under a condition with subqueries.
    pub(crate) fn inner_join_on(&mut self, left: Rel, right: Rel, scope: Scope, on: &'a Expr) -> Bind<(Rel, Scope)> {
        let joined = left.joined(JoinKind::Inner, right, Vec::new());
        let (holds, rel, scope) = self.with_subqueries(joined, scope, on)?;
        Ok((rel.filtered(holds), scope))
    }

    /// The condition of an outer, semi or anti join, and the side that its subqueries are joined to.
    pub(crate) fn side_with_subqueries(
        &mut self,
        side: Rel,
        scope: Scope,
        on: &'a Expr,
    ) -> Bind<(Vec<ScalarId>, Rel, Scope)> {
        let (holds, rel, scope) = self.with_subqueries(side, scope, on)?;
        if !is_closed(self.arena, &rel.plan) {
            return Err(self.unsupported(on, "a subquery of a join condition that reads both sides"));
        }
        Ok((holds, rel, scope))
    }

    fn with_subqueries(&mut self, rel: Rel, scope: Scope, on: &'a Expr) -> Bind<(Vec<ScalarId>, Rel, Scope)> {
        self.levels.push(Level::new(scope, rel, Clause::Where));
        let mut holds = Vec::new();
        let result = conjuncts(on).into_iter().try_for_each(|conjunct| {
            let scalar = self.conjunct(conjunct)?;
            holds.extend(scalar.into_iter().flat_map(|scalar| self.arena.conjuncts(scalar)));
            Ok(())
        });
        let level = self.levels.pop().expect("pushed above");
        result.map(|()| (holds, level.rel, level.scope))
    }
}

/// Whether every condition of the joins on the left spine reads columns of its own inputs alone.
fn is_closed(arena: &mut Arena, plan: &Plan) -> bool {
    let mut plan = plan;
    while let Plan::Join { left, right, on, .. } = plan {
        let shown: Vec<ColumnId> = left.columns(arena).into_iter().chain(right.columns(arena)).collect();
        if on.iter().any(|&conjunct| arena.columns_of(conjunct).iter().any(|id| !shown.contains(id))) {
            return false;
        }
        plan = &**left;
    }
    true
}
