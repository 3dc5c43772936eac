//! The arena: scalars and column ids, each interned once for a whole project.
//!
//! A column id is *content-addressed*: a base column is its table and name, a computed column its
//! normalised definition. Equal sub-plans of different models therefore expose equal ids. A rewrite
//! may change how an id is computed, never which id it is; a value is always read relative to a
//! relation, so the same id may hold other values below and above an outer join.

use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use crate::known::{Known, operands};
use crate::{AggregateCall, Args, DataType, Function, Literal, Scalar, SortKey, TableVersion, Volatility, WindowCall};

/// An interned scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScalarId(u32);

/// An interned column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(u32);

impl ScalarId {
    /// Position in the arena.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ColumnId {
    /// Position in the arena.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a column id stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ColumnDef {
    /// A column of a table, or of a model read as a table. Both names are folded keys.
    Base {
        /// Key of the table in the catalog.
        table: Arc<str>,
        /// Folded column name.
        column: Arc<str>,
    },
    /// A deterministic computed scalar.
    Scalar(ScalarId),
    /// An aggregate.
    Aggregate(AggregateCall),
    /// A window function.
    Window(WindowCall),
    /// A key of grouping sets, which is NULL in the rows of sets that do not hold it.
    GroupedKey(ScalarId),
    /// `GROUPING(…)` over keys with these definitions.
    Grouping {
        /// Definitions of the keys.
        of: Vec<ScalarId>,
        /// As the dialect types it.
        data_type: DataType,
    },
    /// The same definition computed again over a relation that already exposes it.
    Variant {
        /// The id that was already exposed.
        of: ColumnId,
        /// Counts from 1.
        n: u32,
    },
    /// `of` as exposed by the `k`-th instance of a relation (self-joins).
    Instance {
        /// The id within the instance.
        of: ColumnId,
        /// Counts from 1.
        k: u32,
    },
    /// Column `position` of a set operation over inputs that expose `branches` there.
    SetOp {
        /// Position in the output.
        position: u32,
        /// The inputs' columns at the position.
        branches: Vec<ColumnId>,
    },
    /// Column `position` of a `VALUES` list with this content.
    Values {
        /// Position in the output.
        position: u32,
        /// The column's values.
        values: Vec<ScalarId>,
    },
    /// Column `position` of a recursion over these columns of its base and its step.
    Recursive {
        /// Position in the output.
        position: u32,
        /// The base's column.
        base: ColumnId,
        /// The step's column.
        step: ColumnId,
    },
    /// Column `position` of the work table of the recursion around it.
    Work {
        /// Position in the work table.
        position: u32,
        /// As the base types it.
        data_type: DataType,
    },
    /// A column of a table as it was.
    Versioned {
        /// The column of the table as it is.
        of: ColumnId,
        /// When.
        version: TableVersion,
    },
    /// The marker of a mark join: whether a match exists.
    Mark {
        /// Distinguishes several markers of one model; the front end counts them.
        serial: u32,
    },
}

/// Scalars and columns of one project. Append-only, deterministic: equal calls in equal order give
/// equal ids.
#[derive(Debug, Clone, Default)]
pub struct Arena {
    scalars: IndexSet<Scalar, FxBuildHasher>,
    /// What is asked of every scalar again and again, by position; a scalar never changes.
    known: Vec<Known>,
    columns: IndexSet<ColumnDef, FxBuildHasher>,
    column_types: Vec<DataType>,
    column_hints: Vec<Arc<str>>,
    distinct_estimates: rustc_hash::FxHashMap<ColumnId, f64>,
    volatile_count: u32,
}

impl std::ops::Index<ScalarId> for Arena {
    type Output = Scalar;

    fn index(&self, id: ScalarId) -> &Scalar {
        &self.scalars[id.index()]
    }
}

impl Arena {
    /// Interns a scalar as it is. `And`/`Or` go through [`Arena::and`] and [`Arena::or`].
    ///
    /// # Panics
    ///
    /// When a project has 2^32 scalars.
    pub fn scalar(&mut self, scalar: Scalar) -> ScalarId {
        let (index, is_new) = self.scalars.insert_full(scalar);
        if is_new {
            let known = Known::of(self, &self.scalars[index]);
            self.known.push(known);
        }
        ScalarId(u32::try_from(index).expect("fewer than 2^32 scalars"))
    }

    /// Interns a column. `hint` names it in generated SQL when the id is new and no alias is known.
    ///
    /// # Panics
    ///
    /// When a project has 2^32 columns.
    pub fn column(&mut self, def: ColumnDef, data_type: DataType, hint: &str) -> ColumnId {
        let (index, is_new) = self.columns.insert_full(def);
        if is_new {
            self.column_types.push(data_type);
            self.column_hints.push(Arc::from(hint));
        }
        ColumnId(u32::try_from(index).expect("fewer than 2^32 columns"))
    }

    /// The id of a column of a table or model. Names must already be folded.
    pub fn base_column(&mut self, table: &Arc<str>, column: &str, data_type: DataType) -> ColumnId {
        self.column(ColumnDef::Base { table: Arc::clone(table), column: Arc::from(column) }, data_type, column)
    }

    /// The id of a computed scalar: the column itself for a bare column, otherwise the id of its
    /// definition. Volatile calls carry a serial, so every occurrence is a definition of its own.
    pub fn computed_column(&mut self, scalar: ScalarId, hint: &str) -> ColumnId {
        if let Scalar::Column(id) = self[scalar] {
            return id;
        }
        let data_type = self.type_of(scalar);
        self.column(ColumnDef::Scalar(scalar), data_type, hint)
    }

    /// The id of an aggregate.
    pub fn aggregate_column(&mut self, call: &AggregateCall, hint: &str) -> ColumnId {
        self.column(ColumnDef::Aggregate(call.clone()), call.data_type, hint)
    }

    /// The id of a window function.
    pub fn window_column(&mut self, call: &WindowCall, hint: &str) -> ColumnId {
        self.column(ColumnDef::Window(call.clone()), call.data_type, hint)
    }

    /// `id`, or its first numbered variant that `exposed` does not hold.
    pub fn variant_outside(&mut self, id: ColumnId, exposed: &[ColumnId]) -> ColumnId {
        let mut candidate = id;
        let mut n = 0;
        while exposed.contains(&candidate) {
            n += 1;
            let hint = Arc::clone(self.hint(id));
            candidate = self.column(ColumnDef::Variant { of: id, n }, self.column_type(id), &hint);
        }
        candidate
    }

    /// `id` as exposed by the `k`-th instance of its relation.
    pub fn instance(&mut self, id: ColumnId, k: u32) -> ColumnId {
        let hint = Arc::clone(self.hint(id));
        self.column(ColumnDef::Instance { of: id, k }, self.column_type(id), &hint)
    }

    /// The id of `instance(id, k)` where one was made already; nothing names it otherwise.
    #[must_use]
    pub fn known_instance(&self, id: ColumnId, k: u32) -> Option<ColumnId> {
        let index = self.columns.get_index_of(&ColumnDef::Instance { of: id, k })?;
        u32::try_from(index).ok().map(ColumnId)
    }

    /// What the id stands for.
    #[must_use]
    pub fn def(&self, id: ColumnId) -> &ColumnDef {
        &self.columns[id.index()]
    }

    /// The type of a column.
    #[must_use]
    pub fn column_type(&self, id: ColumnId) -> DataType {
        self.column_types[id.index()]
    }

    /// A name for the column where no alias is known.
    #[must_use]
    pub fn hint(&self, id: ColumnId) -> &Arc<str> {
        &self.column_hints[id.index()]
    }

    /// Estimated distinct values of a base column, where the catalog says.
    #[must_use]
    pub fn n_distinct(&self, id: ColumnId) -> Option<f64> {
        self.distinct_estimates.get(&id).copied()
    }

    /// Records an estimate of a column's distinct values.
    pub fn set_n_distinct(&mut self, id: ColumnId, estimate: f64) {
        self.distinct_estimates.insert(id, estimate);
    }

    /// How many scalars are interned.
    #[must_use]
    pub fn n_scalars(&self) -> usize {
        self.scalars.len()
    }

    /// A reference to a column.
    pub fn column_ref(&mut self, id: ColumnId) -> ScalarId {
        self.scalar(Scalar::Column(id))
    }

    /// A reference to a column where one was made already.
    #[must_use]
    pub fn known_column_ref(&self, id: ColumnId) -> Option<ScalarId> {
        let index = self.scalars.get_index_of(&Scalar::Column(id))?;
        u32::try_from(index).ok().map(ScalarId)
    }

    /// A constant.
    pub fn literal(&mut self, literal: Literal) -> ScalarId {
        self.scalar(Scalar::Literal(literal))
    }

    /// The constant TRUE or FALSE.
    pub fn boolean(&mut self, value: bool) -> ScalarId {
        self.literal(Literal::Boolean(value))
    }

    /// A text constant.
    pub fn text(&mut self, value: &str) -> ScalarId {
        self.literal(Literal::Text(Arc::from(value)))
    }

    /// A function call. `And` and `Or` are flattened, sorted and deduplicated; an operand list of
    /// one is the operand itself.
    pub fn call(
        &mut self,
        function: Function,
        args: impl IntoIterator<Item = ScalarId>,
        data_type: DataType,
    ) -> ScalarId {
        let args: Args = args.into_iter().collect();
        match function {
            Function::And => self.and(args),
            Function::Or => self.or(args),
            _ => self.scalar(Scalar::Call { function, args, data_type }),
        }
    }

    /// A number that nothing else has, for what depends on chance.
    pub fn serial(&mut self) -> u32 {
        self.volatile_count += 1;
        self.volatile_count
    }

    /// A call of a volatile function. A serial number is its first argument, so that no two
    /// occurrences are ever taken for the same value; emitters do not write it.
    pub fn volatile_call(
        &mut self,
        function: Function,
        args: impl IntoIterator<Item = ScalarId>,
        data_type: DataType,
    ) -> ScalarId {
        let serial = self.serial();
        let serial = self.literal(Literal::Int(i128::from(serial), DataType::Int32));
        self.call(function, std::iter::once(serial).chain(args), data_type)
    }

    /// A comparison in its one orientation: a literal stands right, `>` and `>=` between others become
    /// `<` and `<=`, and the operands of a symmetric one stand in the order of their ids.
    pub fn comparison(&mut self, function: Function, left: ScalarId, right: ScalarId) -> ScalarId {
        let is_literal = |scalar: ScalarId| matches!(self[scalar], Scalar::Literal(_));
        let is_turned = match (is_literal(left), is_literal(right)) {
            (true, false) => true,
            (false, true) => false,
            _ => match function {
                Function::Gt | Function::GtEq => true,
                Function::Lt | Function::LtEq => false,
                _ => right < left,
            },
        };
        let (function, left, right) = match function.flipped() {
            Some(flipped) if is_turned => (flipped, right, left),
            _ => (function, left, right),
        };
        self.predicate(function, [left, right])
    }

    /// A call whose result is a truth value.
    pub fn predicate(&mut self, function: Function, args: impl IntoIterator<Item = ScalarId>) -> ScalarId {
        self.call(function, args, DataType::Boolean)
    }

    /// The conjunction, flat and sorted; TRUE for none. Three-valued: no operand is dropped here
    /// but repeated ones.
    pub fn and(&mut self, operands: impl IntoIterator<Item = ScalarId>) -> ScalarId {
        self.junction(Function::And, operands)
    }

    /// The disjunction, flat and sorted; FALSE for none.
    pub fn or(&mut self, operands: impl IntoIterator<Item = ScalarId>) -> ScalarId {
        self.junction(Function::Or, operands)
    }

    fn junction(&mut self, function: Function, operands: impl IntoIterator<Item = ScalarId>) -> ScalarId {
        let mut flat: Vec<ScalarId> = Vec::new();
        for operand in operands {
            match &self[operand] {
                Scalar::Call { function: inner, args, .. } if *inner == function => flat.extend_from_slice(args),
                _ => flat.push(operand),
            }
        }
        flat.sort_unstable();
        flat.dedup();
        match flat.as_slice() {
            [] => self.boolean(function == Function::And),
            [one] => *one,
            _ => self.scalar(Scalar::Call { function, args: SmallVec::from_vec(flat), data_type: DataType::Boolean }),
        }
    }

    /// The conjuncts of a predicate; the predicate itself where it is no conjunction.
    #[must_use]
    pub fn conjuncts(&self, predicate: ScalarId) -> Vec<ScalarId> {
        match &self[predicate] {
            Scalar::Call { function: Function::And, args, .. } => args.to_vec(),
            _ => vec![predicate],
        }
    }

    /// A bound that an integer scalar never falls below, where one is plain to see.
    #[must_use]
    pub fn least(&self, scalar: ScalarId) -> i128 {
        match &self[scalar] {
            Scalar::Literal(Literal::Int(value, _)) => *value,
            Scalar::Cast { arg, to, .. } if to.is_integer() && self.type_of(*arg).is_integer() => self.least(*arg),
            Scalar::Call { function: Function::Length | Function::Position, .. } => 0,
            Scalar::Call { function: Function::Add, args, .. } => {
                args.iter().fold(0_i128, |sum, &arg| sum.saturating_add(self.least(arg)))
            }
            Scalar::Call { function: Function::Greatest, args, .. } => {
                args.iter().map(|&arg| self.least(arg)).max().unwrap_or(i128::MIN)
            }
            _ => i128::MIN,
        }
    }

    /// A cast, or the scalar itself where it has the type already.
    pub fn cast(&mut self, arg: ScalarId, to: DataType) -> ScalarId {
        if self.type_of(arg) == to { arg } else { self.scalar(Scalar::Cast { arg, to, is_try: false }) }
    }

    /// The type of a scalar. `Hole`s are `Unknown`.
    #[must_use]
    pub fn type_of(&self, scalar: ScalarId) -> DataType {
        match &self[scalar] {
            Scalar::Column(id) | Scalar::Outer(id) => self.column_type(*id),
            Scalar::Literal(literal) => literal.data_type(),
            Scalar::Call { data_type, .. } | Scalar::Case { data_type, .. } => *data_type,
            Scalar::Cast { to, .. } => *to,
            Scalar::InList { .. } => DataType::Boolean,
            Scalar::Hole(_) => DataType::Unknown,
        }
    }

    /// The direct operands of a scalar, in order.
    #[must_use]
    pub fn operands(&self, scalar: ScalarId) -> SmallVec<[ScalarId; 4]> {
        operands(&self[scalar])
    }

    /// Calls `visit` once for every scalar reachable from `root`, operands first. Iterative: depth
    /// of nesting costs heap, not stack.
    pub fn visit(&self, root: ScalarId, visit: &mut dyn FnMut(ScalarId, &Scalar)) {
        let mut seen = rustc_hash::FxHashSet::default();
        let mut stack = vec![(root, false)];
        while let Some((scalar, is_expanded)) = stack.pop() {
            if is_expanded {
                visit(scalar, &self[scalar]);
            } else if seen.insert(scalar) {
                stack.push((scalar, true));
                stack.extend(self.operands(scalar).into_iter().rev().map(|operand| (operand, false)));
            }
        }
    }

    pub(crate) fn known(&self, scalar: ScalarId) -> &Known {
        &self.known[scalar.index()]
    }

    /// The columns that a scalar reads, sorted and distinct; outer columns are not among them.
    #[must_use]
    pub fn columns_of(&self, scalar: ScalarId) -> &[ColumnId] {
        &self.known(scalar).columns
    }

    /// Whether a scalar reads no column but those of `columns`.
    #[must_use]
    pub fn reads_only(&self, scalar: ScalarId, columns: &[ColumnId]) -> bool {
        self.columns_of(scalar).iter().all(|id| columns.contains(id))
    }

    /// The highest volatility among a scalar's functions.
    #[must_use]
    pub fn volatility(&self, scalar: ScalarId) -> Volatility {
        self.known(scalar).volatility
    }

    /// Whether evaluating the scalar may raise an error. Casts may, except widening ones.
    #[must_use]
    pub fn can_raise(&self, scalar: ScalarId) -> bool {
        self.known(scalar).can_raise
    }

    /// How many nodes the scalar has when written as a tree; saturates instead of overflowing.
    #[must_use]
    pub fn tree_size(&self, root: ScalarId) -> u64 {
        self.known(root).tree_size
    }

    /// Rebuilds a scalar, replacing what `replace` maps; operands first, each distinct scalar once.
    /// What is replaced is not entered again.
    pub fn substitute(
        &mut self,
        root: ScalarId,
        replace: &mut dyn FnMut(&mut Self, ScalarId) -> Option<ScalarId>,
    ) -> ScalarId {
        let mut done: rustc_hash::FxHashMap<ScalarId, ScalarId> = rustc_hash::FxHashMap::default();
        let mut stack = vec![(root, false)];
        while let Some((scalar, is_expanded)) = stack.pop() {
            if done.contains_key(&scalar) {
                continue;
            }
            if !is_expanded {
                if let Some(replaced) = replace(self, scalar) {
                    done.insert(scalar, replaced);
                    continue;
                }
                stack.push((scalar, true));
                stack.extend(self.operands(scalar).into_iter().rev().map(|operand| (operand, false)));
                continue;
            }
            let rebuilt = self.rebuilt(scalar, &|operand| done.get(&operand).copied().unwrap_or(operand));
            done.insert(scalar, rebuilt);
        }
        done.get(&root).copied().unwrap_or(root)
    }

    /// Replaces column references by scalars.
    pub fn inline_columns(
        &mut self,
        root: ScalarId,
        definitions: &rustc_hash::FxHashMap<ColumnId, ScalarId>,
    ) -> ScalarId {
        if !self.columns_of(root).iter().any(|id| definitions.contains_key(id)) {
            return root;
        }
        self.substitute(root, &mut |arena, scalar| match &arena[scalar] {
            Scalar::Column(id) => definitions.get(id).copied(),
            _ => None,
        })
    }

    /// The scalar with every direct operand mapped.
    pub fn rebuilt(&mut self, scalar: ScalarId, map: &dyn Fn(ScalarId) -> ScalarId) -> ScalarId {
        if self.operands(scalar).into_iter().all(|operand| map(operand) == operand) {
            return scalar;
        }
        match self[scalar].clone() {
            Scalar::Column(_) | Scalar::Outer(_) | Scalar::Literal(_) | Scalar::Hole(_) => scalar,
            Scalar::Call { function, args, data_type } => {
                let args: Args = args.into_iter().map(map).collect();
                self.call(function, args, data_type)
            }
            Scalar::Case { branches, otherwise, data_type } => {
                let branches = branches.into_iter().map(|(when, then)| (map(when), map(then))).collect();
                self.scalar(Scalar::Case { branches, otherwise: map(otherwise), data_type })
            }
            Scalar::Cast { arg, to, is_try } => self.scalar(Scalar::Cast { arg: map(arg), to, is_try }),
            Scalar::InList { arg, list } => {
                let list = list.into_iter().map(map).collect();
                self.in_list(map(arg), list)
            }
        }
    }

    /// `arg IN (list)` with a sorted, distinct list.
    pub fn in_list(&mut self, arg: ScalarId, mut list: Vec<ScalarId>) -> ScalarId {
        list.sort_unstable();
        list.dedup();
        self.scalar(Scalar::InList { arg, list })
    }

    /// `call` with every scalar mapped.
    pub fn map_aggregate(
        &mut self,
        call: &AggregateCall,
        map: &mut dyn FnMut(&mut Self, ScalarId) -> ScalarId,
    ) -> AggregateCall {
        AggregateCall {
            args: call.args.iter().map(|&arg| map(self, arg)).collect(),
            filter: call.filter.map(|filter| map(self, filter)),
            order: self.map_keys(&call.order, map),
            ..call.clone()
        }
    }

    /// `call` with every scalar mapped; partition keys are sorted again.
    pub fn map_window(
        &mut self,
        call: &WindowCall,
        map: &mut dyn FnMut(&mut Self, ScalarId) -> ScalarId,
    ) -> WindowCall {
        let mut partition: Args = call.partition.iter().map(|&arg| map(self, arg)).collect();
        partition.sort_unstable();
        partition.dedup();
        WindowCall {
            args: call.args.iter().map(|&arg| map(self, arg)).collect(),
            filter: call.filter.map(|filter| map(self, filter)),
            partition,
            order: self.map_keys(&call.order, map),
            ..call.clone()
        }
    }

    /// Sort keys with every scalar mapped.
    pub fn map_keys(&mut self, keys: &[SortKey], map: &mut dyn FnMut(&mut Self, ScalarId) -> ScalarId) -> Vec<SortKey> {
        keys.iter().map(|key| SortKey { scalar: map(self, key.scalar), ..*key }).collect()
    }
}
