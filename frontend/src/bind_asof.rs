//! `ASOF` joins: each left row with the nearest right row.
//!
//! A right row is the nearest one for the values from its own key up to that of the next right row, so the join
//! is a plain one on an interval: `lead` gives the next key. Where right rows tie, the interval of all but one is
//! empty; which one is left is open, as it is in the engines.

use isomer_ir::{
    DataType, Dialect, Frame, Function, JoinKind, Plan, RankingFunction, Scalar, ScalarId, SortKey, WindowCall,
    WindowFunction,
};
use sqlparser::ast::{Expr, JoinConstraint, TableFactor, Value, ValueWithSpan};

use crate::bind::{Bind, Binder, Clause, Level};
use crate::scope::{Rel, Scope};

/// The one inequality of an `ASOF` join: `left <function> right`.
struct Nearness {
    function: Function,
    left: ScalarId,
    right: ScalarId,
}

impl<'a> Binder<'a> {
    /// Joins `left` with the nearest rows of `relation`.
    pub(crate) fn asof_join(
        &mut self,
        left: (Rel, Scope),
        relation: &'a TableFactor,
        match_condition: &'a Expr,
        constraint: &'a JoinConstraint,
    ) -> Bind<(Rel, Scope)> {
        // DuckDB has no match condition: its kind of join was put there.
        let (kind, condition) = match match_condition {
            Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(kind), .. }) => {
                (if kind == "left" { JoinKind::Left } else { JoinKind::Inner }, None)
            }
            condition => (JoinKind::Left, Some(condition)),
        };
        let right = self.factor(relation)?;
        let (left, right, (left_scope, right_scope)) = self.beside(left, right);
        let mut columns = left.columns.clone();
        columns.extend(right.columns.iter().map(|(&id, &is_nullable)| (id, is_nullable)));
        let scope = both(&left_scope, &right_scope);
        let level =
            Level::new(scope.clone(), Rel { plan: Plan::Empty { columns: Vec::new() }, columns }, Clause::JoinOn);
        self.levels.push(level);
        let conjuncts = self.asof_conjuncts(condition, constraint);
        self.levels.pop();
        let (mut conjuncts, mut scope) = (conjuncts?, scope);
        if let JoinConstraint::Using(names) = constraint {
            let names = names.iter().map(|name| self.table_key(name)).collect::<Bind<Vec<_>>>()?;
            let (mut equalities, merged) =
                self.merged(&left_scope, &right_scope, &names, JoinKind::Inner, false, relation)?;
            scope = merged;
            if condition.is_none()
                && let Some(last) = equalities.pop()
            {
                // The last column is the one that need not be equal.
                let Scalar::Call { args, .. } = self.arena[last].clone() else {
                    return Err(self.unsupported(relation, "`ASOF JOIN` on these columns"));
                };
                let (a, b) = if self.is_of(args[0], &left) { (args[0], args[1]) } else { (args[1], args[0]) };
                equalities.push(self.arena.comparison(Function::GtEq, a, b));
            }
            conjuncts.extend(equalities);
        }
        let of_right = self.of_the_right_alone(&mut conjuncts, &left, &right);
        let right = right.filtered(of_right);
        let of_left = self.of_the_left_alone(&mut conjuncts, &left);
        let (nearness, keys) = self.nearness(&conjuncts, &left, &right, relation)?;
        let (right, next) = self.with_next(right, &left, &nearness, keys);
        conjuncts.push(self.before_next(&nearness, next));
        conjuncts.extend(of_left);
        Ok((left.joined(kind, right, conjuncts), scope))
    }

    fn asof_conjuncts(&mut self, condition: Option<&'a Expr>, constraint: &'a JoinConstraint) -> Bind<Vec<ScalarId>> {
        let mut conjuncts = Vec::new();
        if let Some(condition) = condition {
            conjuncts.extend(self.conjunct_scalars(condition)?);
        }
        if let JoinConstraint::On(expr) = constraint {
            conjuncts.extend(self.conjunct_scalars(expr)?);
        }
        Ok(conjuncts)
    }

    /// Takes the conditions that read the right side alone out of the others: of DuckDB's rows those near are looked
    /// for among the ones that hold.
    fn of_the_right_alone(&self, conjuncts: &mut Vec<ScalarId>, left: &Rel, right: &Rel) -> Vec<ScalarId> {
        let is_alone = |scalar: &mut ScalarId| self.is_of(*scalar, right) && !self.is_of(*scalar, left);
        if self.dialect == Dialect::DuckDb { conjuncts.extract_if(.., is_alone).collect() } else { Vec::new() }
    }

    /// Takes the conditions that read the left side alone out of the others: a left row for which one does not hold
    /// has no partner.
    fn of_the_left_alone(&self, conjuncts: &mut Vec<ScalarId>, left: &Rel) -> Vec<ScalarId> {
        let is_alone = |scalar: &mut ScalarId| self.is_of(*scalar, left);
        if self.dialect == Dialect::DuckDb { conjuncts.extract_if(.., is_alone).collect() } else { Vec::new() }
    }

    fn is_of(&self, scalar: ScalarId, rel: &Rel) -> bool {
        self.arena.columns_of(scalar).iter().all(|id| rel.columns.contains_key(id))
    }

    /// The inequality, and the right sides of the equalities; nothing else may stand in the condition.
    fn nearness(
        &mut self,
        conjuncts: &[ScalarId],
        left: &Rel,
        right: &Rel,
        at: &TableFactor,
    ) -> Bind<(Nearness, Vec<ScalarId>)> {
        let (mut found, mut keys) = (None, Vec::new());
        for &conjunct in conjuncts {
            let refused = |binder: &Self| {
                binder.unsupported(at, "`ASOF JOIN` on other than equalities and one inequality of both sides")
            };
            let Scalar::Call { function, args, .. } = self.arena[conjunct].clone() else { return Err(refused(self)) };
            let [a, b] = args.as_slice() else { return Err(refused(self)) };
            let is_right =
                |binder: &Self, scalar| binder.is_of(scalar, right) && !binder.arena.columns_of(scalar).is_empty();
            let (of_left, of_right, is_turned) = if self.is_of(*a, left) && is_right(self, *b) {
                (*a, *b, false)
            } else if self.is_of(*b, left) && is_right(self, *a) {
                (*b, *a, true)
            } else {
                return Err(refused(self));
            };
            let function = match (function, is_turned) {
                (Function::Eq, _) => {
                    keys.push(of_right);
                    continue;
                }
                (Function::Lt, false) | (Function::Gt, true) => Function::Lt,
                (Function::LtEq, false) | (Function::GtEq, true) => Function::LtEq,
                (Function::Gt, false) | (Function::Lt, true) => Function::Gt,
                (Function::GtEq, false) | (Function::LtEq, true) => Function::GtEq,
                _ => return Err(refused(self)),
            };
            if found.replace(Nearness { function, left: of_left, right: of_right }).is_some() {
                return Err(refused(self));
            }
        }
        let Some(nearness) = found else {
            return Err(self.unsupported(at, "`ASOF JOIN` without an inequality"));
        };
        keys.sort_unstable();
        keys.dedup();
        Ok((nearness, keys))
    }

    /// The right side with the key of the next row of the same keys, NULL at the last.
    fn with_next(&mut self, right: Rel, left: &Rel, nearness: &Nearness, keys: Vec<ScalarId>) -> (Rel, ScalarId) {
        let data_type = self.arena.type_of(nearness.right);
        let is_descending = matches!(nearness.function, Function::Lt | Function::LtEq);
        let call = WindowCall {
            function: WindowFunction::Ranking(RankingFunction::Lead),
            args: [nearness.right].into_iter().collect(),
            filter: None,
            is_ignoring_nulls: false,
            partition: keys.into(),
            // Rows whose key is NULL match nothing and must not be the next of any.
            order: vec![SortKey { scalar: nearness.right, is_descending, is_nulls_first: false }],
            frame: Frame::ORDERED,
            data_type,
        };
        let id = self.arena.window_column(&call, "next");
        let exposed: Vec<_> = right.columns.keys().chain(left.columns.keys()).copied().collect();
        let id = if exposed.contains(&id) { self.arena.variant_outside(id, &exposed) } else { id };
        let mut columns = right.columns;
        columns.insert(id, true);
        let plan = Plan::Window { input: Box::new(right.plan), calls: vec![(id, call)] };
        (Rel { plan, columns }, self.arena.column_ref(id))
    }

    /// That the left value has not come to the next key.
    fn before_next(&mut self, nearness: &Nearness, next: ScalarId) -> ScalarId {
        let function = match nearness.function {
            Function::GtEq => Function::Lt,
            Function::Gt => Function::LtEq,
            Function::LtEq => Function::Gt,
            _ => Function::GtEq,
        };
        let is_before = self.arena.comparison(function, nearness.left, next);
        let is_last = self.arena.call(Function::IsNull, [next], DataType::Boolean);
        self.arena.or([is_before, is_last])
    }
}

fn both(left: &Scope, right: &Scope) -> Scope {
    let mut scope = left.clone();
    scope.extend(right.clone());
    scope
}
