//! Grouping sets: several groupings of one input, their rows together.

use crate::{AggregateCall, Arena, ColumnDef, ColumnId, DataType, Literal, Plan, ScalarId, SetOpKind};

/// What [`crate::Plan::GroupingSets`] computes: for each set the groups of the input by the keys of
/// the set, all rows together.
///
/// A key that is not in a set is NULL in the set's rows, so the id that shows a key is never the id
/// of what the key is computed from. The set without keys gives one row also over no input rows.
/// A set that is written twice gives its rows twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupingSets {
    /// Output id and definition of each key.
    pub keys: Vec<(ColumnId, ScalarId)>,
    /// Positions in `keys`, ascending within a set.
    pub sets: Vec<Vec<u32>>,
    /// Output id and call of each aggregate. Its arguments read the input, also where they are keys.
    pub calls: Vec<(ColumnId, AggregateCall)>,
    /// `GROUPING(…)`: output id and positions in `keys`, the most significant bit first. A bit is set
    /// where the row's set does not hold the key.
    pub markers: Vec<(ColumnId, Vec<u32>)>,
}

impl GroupingSets {
    /// The output columns: keys, aggregates, markers.
    pub fn columns(&self) -> impl Iterator<Item = ColumnId> {
        let keys = self.keys.iter().map(|(id, _)| *id);
        keys.chain(self.calls.iter().map(|(id, _)| *id)).chain(self.markers.iter().map(|(id, _)| *id))
    }

    /// The scalars that are evaluated over the input.
    pub fn scalars(&self) -> impl Iterator<Item = ScalarId> {
        let of_call = |(_, call): &(ColumnId, AggregateCall)| {
            let order = call.order.iter().map(|key| key.scalar);
            call.args.iter().copied().chain(call.filter).chain(order).collect::<Vec<_>>()
        };
        self.keys.iter().map(|(_, scalar)| *scalar).chain(self.calls.iter().flat_map(of_call))
    }

    /// Whether a set has no keys, which gives one row also over no input rows.
    #[must_use]
    pub fn has_total(&self) -> bool {
        self.sets.iter().any(Vec::is_empty)
    }

    /// Keys that every set holds: of these the output id has the value of the definition in each row.
    pub fn common_keys(&self) -> impl Iterator<Item = (ColumnId, ScalarId)> {
        let is_common = |position: usize| self.sets.iter().all(|set| set.iter().any(|&key| key as usize == position));
        self.keys.iter().enumerate().filter(move |(position, _)| is_common(*position)).map(|(_, key)| *key)
    }

    /// The value of a marker in the rows of a set.
    #[must_use]
    pub fn marker(set: &[u32], keys: &[u32]) -> i64 {
        keys.iter().fold(0, |bits, key| bits << 1 | i64::from(!set.contains(key)))
    }

    /// The same with every scalar over the input mapped.
    #[must_use]
    pub fn mapped(&self, arena: &mut Arena, map: &mut dyn FnMut(&mut Arena, ScalarId) -> ScalarId) -> Self {
        Self {
            keys: self.keys.iter().map(|&(id, scalar)| (id, map(arena, scalar))).collect(),
            sets: self.sets.clone(),
            calls: self.calls.iter().map(|(id, call)| (*id, arena.map_aggregate(call, map))).collect(),
            markers: self.markers.clone(),
        }
    }
}

impl Arena {
    /// The id that shows a key of grouping sets: NULL in the rows of some sets.
    pub fn grouped_key(&mut self, scalar: ScalarId, hint: &str) -> ColumnId {
        let data_type = self.type_of(scalar);
        self.column(ColumnDef::GroupedKey(scalar), data_type, hint)
    }

    /// The id of `GROUPING(of)`.
    pub fn grouping(&mut self, of: Vec<ScalarId>, data_type: DataType, hint: &str) -> ColumnId {
        self.column(ColumnDef::Grouping { of, data_type }, data_type, hint)
    }
}

impl GroupingSets {
    /// The same rows as one aggregate a set, put together by `UNION ALL`; the input is computed as often
    /// as there are sets, so it must give the same rows each time.
    #[must_use]
    pub fn as_union(&self, input: &Plan, arena: &mut Arena) -> Plan {
        let columns: Vec<ColumnId> = self.columns().collect();
        let mut inputs = Vec::with_capacity(self.sets.len());
        for set in &self.sets {
            let keys = set.iter().map(|&key| self.keys[key as usize]).collect();
            let groups = Plan::Aggregate { input: Box::new(input.clone()), keys, calls: self.calls.clone() };
            let mut exprs: Vec<(ColumnId, ScalarId)> = Vec::with_capacity(columns.len());
            let mut taken = Vec::with_capacity(columns.len());
            let mut show = |id: ColumnId, scalar: ScalarId| {
                if !exprs.iter().any(|(known, _)| *known == id) {
                    exprs.push((id, scalar));
                }
                taken.push(id);
            };
            for (position, &(id, _)) in self.keys.iter().enumerate() {
                if set.iter().any(|&key| key as usize == position) {
                    let column = arena.column_ref(id);
                    show(id, column);
                } else {
                    let null = arena.literal(Literal::Null(arena.column_type(id)));
                    let null_id = arena.computed_column(null, "nothing");
                    show(null_id, null);
                }
            }
            for &(id, _) in &self.calls {
                let column = arena.column_ref(id);
                show(id, column);
            }
            for (id, of) in &self.markers {
                let data_type = arena.column_type(*id);
                let marker = arena.literal(Literal::Int(i128::from(Self::marker(set, of)), data_type));
                let marker_id = arena.computed_column(marker, "grouping");
                show(marker_id, marker);
            }
            inputs.push((Plan::Project { input: Box::new(groups), exprs }, taken));
        }
        Plan::SetOp { kind: SetOpKind::UnionAll, inputs, columns }
    }
}
