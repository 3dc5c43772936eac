//! Joins.

use std::collections::BTreeSet;

use isomer_ir::{ColumnId, DataType, Function, JoinKind, Plan, Scalar, ScalarId};
use substrait::proto::join_rel::JoinType;
use substrait::proto::rel::RelType;
use substrait::proto::{CrossRel, Expression, JoinRel};

use super::message::{Field, Relation, Row, Typed, direct, field};
use super::{Producer, refusal};
use crate::CodegenError;

impl Producer<'_> {
    /// A join of any kind.
    pub(super) fn join(
        &mut self,
        kind: JoinKind,
        left: &Plan,
        right: &Plan,
        on: &[ScalarId],
        needed: &BTreeSet<ColumnId>,
    ) -> Result<Relation, CodegenError> {
        let right_columns = right.columns(self.arena);
        if kind == JoinKind::Single && !self.is_single(right, on, &right_columns) {
            return Err(refusal(
                "GEN-0103",
                "a scalar subquery that may give several rows",
                "aggregate the subquery, or group it by the columns that it is correlated with",
            ));
        }
        let mut read = needed.clone();
        for predicate in on {
            read.extend(self.arena.columns_of(*predicate));
        }
        let left_columns: BTreeSet<ColumnId> = left.columns(self.arena).into_iter().collect();
        let (left_read, right_read): (BTreeSet<ColumnId>, BTreeSet<ColumnId>) =
            read.into_iter().partition(|column| left_columns.contains(column));
        let left = self.relation(left, &left_read)?;
        let right = self.relation(right, &right_read)?;
        let mut columns = left.columns.clone();
        columns.extend_from_slice(&right.columns);
        let row = Row::new(&columns);
        let n_left = left.columns.len();

        let join_type = match kind {
            JoinKind::Inner if on.is_empty() => {
                let cross = CrossRel {
                    common: direct(),
                    left: Some(Box::new(left.rel)),
                    right: Some(Box::new(right.rel)),
                    ..CrossRel::default()
                };
                return Ok(Relation::new(RelType::Cross(Box::new(cross)), columns));
            }
            JoinKind::Inner => JoinType::Inner,
            JoinKind::Left | JoinKind::Single => JoinType::Left,
            JoinKind::Full => JoinType::Outer,
            JoinKind::Semi => JoinType::LeftSemi,
            JoinKind::Anti | JoinKind::AntiNullAware => JoinType::LeftAnti,
            JoinKind::Mark(_) => JoinType::LeftMark,
        };
        let expression = if kind == JoinKind::AntiNullAware {
            self.null_aware_condition(on, &row, &left_columns)?
        } else {
            self.condition(on, &row, n_left)?
        };
        let join = JoinRel {
            common: direct(),
            left: Some(Box::new(left.rel)),
            right: Some(Box::new(right.rel)),
            expression: Some(Box::new(expression)),
            r#type: join_type as i32,
            ..JoinRel::default()
        };
        if !kind.exposes_right() {
            columns.truncate(n_left);
        }
        if let JoinKind::Mark(_) = kind {
            columns.push(None);
        }
        let relation = Relation::new(RelType::Join(Box::new(join)), columns);
        match kind {
            JoinKind::Mark(mark) => self.two_valued_mark(relation, mark),
            _ => Ok(relation),
        }
    }

    /// Substrait's marker may be NULL, the plan's is true or false.
    fn two_valued_mark(&mut self, relation: Relation, mark: ColumnId) -> Result<Relation, CodegenError> {
        let n_left = relation.columns.len() - 1;
        let marker = Typed { expr: field(n_left), data_type: DataType::Boolean };
        let marker = self.invoke("is_true", vec![marker], DataType::Boolean)?;
        let mut fields: Vec<Field> = (0..n_left).map(Field::Input).collect();
        fields.push(Field::Computed(marker.expr));
        let mut columns = relation.columns.clone();
        columns[n_left] = Some(mark);
        Ok(relation.projected(fields, columns))
    }

    /// The conjunction of a join's predicates. An equality of two columns of one side is no join
    /// key, but the consumer takes any equality of two columns for one, so it is wrapped.
    fn condition(&mut self, on: &[ScalarId], row: &Row, n_left: usize) -> Result<Expression, CodegenError> {
        let mut operands = Vec::with_capacity(on.len());
        for predicate in on {
            let operand = self.boolean(*predicate, row)?;
            let mut is_of_left = Vec::new();
            for &column in self.arena.columns_of(*predicate) {
                is_of_left.push(row.position(column)? < n_left);
            }
            let is_key = is_of_left.contains(&true) && is_of_left.contains(&false);
            let is_equality = matches!(
                &self.arena[*predicate],
                Scalar::Call { function: Function::Eq | Function::IsNotDistinct, .. }
            );
            operands.push(if is_equality && !is_key {
                self.invoke("is_true", vec![operand], DataType::Boolean)?
            } else {
                operand
            });
        }
        Ok(self.junction("and", operands)?.expr)
    }

    /// `NOT IN` keeps a row for which no comparison is true or NULL: an anti join on comparisons
    /// that are not false. The consumer drops the flag of its own null-aware join.
    fn null_aware_condition(
        &mut self,
        on: &[ScalarId],
        row: &Row,
        left: &BTreeSet<ColumnId>,
    ) -> Result<Expression, CodegenError> {
        let reads_left = |producer: &Self, predicate: ScalarId| {
            producer.arena.columns_of(predicate).iter().any(|column| left.contains(column))
        };
        let tested: Vec<usize> = match on {
            [_] => vec![0],
            _ => (0..on.len()).filter(|index| reads_left(self, on[*index])).collect(),
        };
        let &[tested] = tested.as_slice() else {
            return Err(refusal(
                "GEN-0103",
                "`NOT IN` with several conditions on the tested side",
                "write it as NOT EXISTS with the NULL cases spelled out",
            ));
        };
        let mut operands = Vec::with_capacity(on.len());
        for (index, predicate) in on.iter().enumerate() {
            let operand = self.boolean(*predicate, row)?;
            operands.push(if index == tested {
                self.invoke("is_not_false", vec![operand], DataType::Boolean)?
            } else {
                operand
            });
        }
        Ok(self.junction("and", operands)?.expr)
    }

    /// Whether no left row has two matches, whatever the data: the right input gives at most one
    /// row, or one for each value of keys that the join equates with the left. May miss cases.
    fn is_single(&self, right: &Plan, on: &[ScalarId], right_columns: &[ColumnId]) -> bool {
        match right {
            Plan::Limit { fetch: Some(0 | 1), .. } | Plan::Empty { .. } => true,
            Plan::Values { rows, .. } => rows.len() <= 1,
            Plan::Aggregate { keys, .. } => keys.iter().all(|(key, _)| self.is_equated(*key, on, right_columns, true)),
            Plan::Scan { table, columns } => self.catalog.get(table).is_some_and(|table| {
                table.keys.iter().any(|key| {
                    key.columns.iter().all(|position| {
                        columns.get(*position).is_some_and(|column| self.is_equated(*column, on, right_columns, false))
                    })
                })
            }),
            Plan::Filter { input, .. }
            | Plan::Sort { input, .. }
            | Plan::Named { input, .. }
            | Plan::Limit { input, .. }
            | Plan::Window { input, .. } => self.is_single(input, on, right_columns),
            Plan::Project { input, exprs } => {
                // Only columns passed through are known by the same id below.
                let is_kept = |predicate: &ScalarId| {
                    self.arena.columns_of(*predicate).iter().all(|column| {
                        exprs.iter().all(|(id, scalar)| id != column || self.arena[*scalar] == Scalar::Column(*id))
                    })
                };
                let on: Vec<ScalarId> = on.iter().copied().filter(is_kept).collect();
                self.is_single(input, &on, right_columns)
            }
            Plan::Join { .. }
            | Plan::GroupingSets { .. }
            | Plan::Unnest { .. }
            | Plan::Distinct { .. }
            | Plan::SetOp { .. }
            | Plan::Instance { .. }
            | Plan::RecursiveUnion { .. }
            | Plan::WorkTable { .. }
            | Plan::Sample { .. }
            | Plan::ScanAt { .. }
            | Plan::Hole { .. } => false,
        }
    }

    /// Whether a conjunct equates the column with a scalar over the left input. A declared key may
    /// repeat NULL, so `IS NOT DISTINCT FROM` counts for groups only.
    fn is_equated(&self, column: ColumnId, on: &[ScalarId], right: &[ColumnId], is_group: bool) -> bool {
        let is_column = |scalar: ScalarId| self.arena[scalar] == Scalar::Column(column);
        let is_of_left = |scalar: ScalarId| !self.arena.columns_of(scalar).iter().any(|read| right.contains(read));
        on.iter().any(|predicate| match &self.arena[*predicate] {
            Scalar::Call { function, args, .. } => {
                let is_equality = *function == Function::Eq || *function == Function::IsNotDistinct && is_group;
                match args.as_slice() {
                    [a, b] if is_equality => is_column(*a) && is_of_left(*b) || is_column(*b) && is_of_left(*a),
                    _ => false,
                }
            }
            _ => false,
        })
    }
}
