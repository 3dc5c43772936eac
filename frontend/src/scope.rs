//! Names in scope: relations with their columns, what a join merges, and what a relation exposes.

use std::sync::Arc;

use indexmap::IndexMap;
use isomer_ir::{Arena, ColumnId, Function, JoinKind, Plan, Scalar, ScalarId};
use rustc_hash::{FxBuildHasher, FxHashMap};

/// A plan with the ids it exposes, and whether NULL may occur in each.
#[derive(Debug, Clone)]
pub(crate) struct Rel {
    pub(crate) plan: Plan,
    pub(crate) columns: IndexMap<ColumnId, bool, FxBuildHasher>,
}

impl Rel {
    pub(crate) fn new(plan: Plan, columns: impl IntoIterator<Item = (ColumnId, bool)>) -> Self {
        Self { plan, columns: columns.into_iter().collect() }
    }

    /// One row without columns: what `SELECT` without `FROM` reads.
    pub(crate) fn one_row() -> Self {
        Self::new(Plan::Values { columns: Vec::new(), rows: vec![Vec::new()] }, [])
    }

    pub(crate) fn filtered(self, mut holds: Vec<ScalarId>) -> Self {
        let mut seen = rustc_hash::FxHashSet::default();
        holds.retain(|&scalar| seen.insert(scalar));
        if holds.is_empty() {
            return self;
        }
        Self { plan: Plan::Filter { input: Box::new(self.plan), holds }, columns: self.columns }
    }

    /// `id`, or its first variant that the relation does not expose.
    pub(crate) fn fresh(&self, id: ColumnId, arena: &mut Arena) -> ColumnId {
        if !self.columns.contains_key(&id) {
            return id;
        }
        let exposed: Vec<ColumnId> = self.columns.keys().copied().collect();
        arena.variant_outside(id, &exposed)
    }

    /// The relation renamed by the least instance that is disjoint from `taken`; the map is empty
    /// where it was disjoint already.
    pub(crate) fn disjoint_from(
        self,
        taken: &dyn Fn(ColumnId) -> bool,
        arena: &mut Arena,
    ) -> (Self, FxHashMap<ColumnId, ColumnId>) {
        if !self.columns.keys().any(|&id| taken(id)) {
            return (self, FxHashMap::default());
        }
        let mut k = 0;
        loop {
            k += 1;
            let renamed: Vec<(ColumnId, bool)> =
                self.columns.iter().map(|(&id, &is_nullable)| (arena.instance(id, k), is_nullable)).collect();
            if renamed.iter().any(|&(id, _)| taken(id)) {
                continue;
            }
            let map = self.columns.keys().copied().zip(renamed.iter().map(|&(id, _)| id)).collect();
            return (Self::new(Plan::Instance { input: Box::new(self.plan), k }, renamed), map);
        }
    }

    /// Joins two relations that expose disjoint ids.
    pub(crate) fn joined(self, kind: JoinKind, right: Self, on: Vec<ScalarId>) -> Self {
        let mut columns = self.columns;
        if kind == JoinKind::Full {
            columns.values_mut().for_each(|is_nullable| *is_nullable = true);
        }
        if kind.exposes_right() {
            let is_padded = kind != JoinKind::Inner;
            columns.extend(right.columns.iter().map(|(&id, &is_nullable)| (id, is_nullable || is_padded)));
        }
        if let JoinKind::Mark(mark) = kind {
            columns.insert(mark, false);
        }
        let plan = Plan::Join { kind, left: Box::new(self.plan), right: Box::new(right.plan), on };
        Self { plan, columns }
    }
}

/// A column that a name may stand for.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// As written.
    pub(crate) name: Arc<str>,
    /// Folded.
    pub(crate) key: Arc<str>,
    /// Its value: a column, or the coalesced pair of a full join's `USING`.
    pub(crate) scalar: ScalarId,
}

/// A relation of `FROM` under the name by which its columns are qualified.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    /// Folded alias or table name; with all parts where the table's name has several.
    pub(crate) key: Arc<str>,
    /// As written, for messages.
    pub(crate) columns: Vec<Named>,
}

/// What the names of one query level stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub(crate) relations: Vec<Relation>,
    /// Columns by unqualified name and for `*`, in order; a merged pair stands here once.
    pub(crate) visible: Vec<Named>,
}

/// The outcome of looking for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    One(ScalarId),
    Several,
    Nothing,
}

impl Scope {
    pub(crate) fn of(key: Arc<str>, columns: Vec<Named>) -> Self {
        Self { visible: columns.clone(), relations: vec![Relation { key, columns }] }
    }

    pub(crate) fn find(&self, qualifier: Option<&str>, column: &str) -> Found {
        match qualifier {
            None => one(self.visible.iter().filter(|named| &*named.key == column)),
            Some(qualifier) => one(self
                .relations
                .iter()
                .filter(|relation| answers_to(&relation.key, qualifier))
                .flat_map(|relation| relation.columns.iter().filter(|named| &*named.key == column))),
        }
    }

    pub(crate) fn relation(&self, qualifier: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| answers_to(&relation.key, qualifier))
    }

    /// Every column name, for "did you mean".
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.visible.iter().map(|named| &*named.name)
    }

    /// This scope with every scalar replaced.
    pub(crate) fn map(&mut self, replace: &mut dyn FnMut(ScalarId) -> ScalarId) {
        let columns = self.relations.iter_mut().flat_map(|relation| relation.columns.iter_mut());
        for named in columns.chain(self.visible.iter_mut()) {
            named.scalar = replace(named.scalar);
        }
    }

    /// Both scopes side by side.
    pub(crate) fn extend(&mut self, right: Self) {
        self.relations.extend(right.relations);
        self.visible.extend(right.visible);
    }
}

/// A table `a.b` is named by `a.b` and by `b`.
fn answers_to(key: &str, qualifier: &str) -> bool {
    key == qualifier || key.rsplit_once('.').is_some_and(|(_, last)| last == qualifier)
}

fn one<'a>(mut found: impl Iterator<Item = &'a Named>) -> Found {
    let Some(first) = found.next() else { return Found::Nothing };
    if found.next().is_some() { Found::Several } else { Found::One(first.scalar) }
}

/// Whether NULL may occur in a scalar's values, given which columns may be NULL. Errs towards "may".
pub(crate) fn is_nullable(scalar: ScalarId, columns: &IndexMap<ColumnId, bool, FxBuildHasher>, arena: &Arena) -> bool {
    let mut known: FxHashMap<ScalarId, bool> = FxHashMap::default();
    arena.visit(scalar, &mut |id, scalar| {
        let of = |operand: &ScalarId| known.get(operand).copied().unwrap_or(true);
        let is_nullable = match scalar {
            Scalar::Column(column) => columns.get(column).copied().unwrap_or(true),
            Scalar::Outer(_) | Scalar::Hole(_) => true,
            Scalar::Literal(literal) => literal.is_null(),
            Scalar::Call { function, args, .. } => match function {
                _ if function.is_never_null() => false,
                Function::Coalesce => args.iter().all(of),
                Function::And | Function::Or | Function::Greatest | Function::Least | Function::ConcatWs => {
                    args.iter().any(of)
                }
                _ => !function.is_strict() || function.may_make_null() || args.iter().any(of),
            },
            Scalar::Case { branches, otherwise, .. } => branches.iter().any(|(_, then)| of(then)) || of(otherwise),
            Scalar::Cast { arg, is_try, .. } => *is_try || of(arg),
            Scalar::InList { arg, list } => of(arg) || list.iter().any(of),
        };
        known.insert(id, is_nullable);
    });
    known.get(&scalar).copied().unwrap_or(true)
}

/// Rebuilds a scalar with its columns and outer columns replaced, comparisons oriented again.
pub(crate) fn replace_columns(
    arena: &mut Arena,
    root: ScalarId,
    replace: &mut dyn FnMut(&mut Arena, &Scalar) -> Option<ScalarId>,
) -> ScalarId {
    let mut order = Vec::new();
    arena.visit(root, &mut |id, _| order.push(id));
    let mut done: FxHashMap<ScalarId, ScalarId> = FxHashMap::default();
    for id in order {
        let scalar = arena[id].clone();
        let mut is_changed = false;
        let map = |operand: ScalarId| done.get(&operand).copied().unwrap_or(operand);
        for operand in arena.operands(id) {
            is_changed |= map(operand) != operand;
        }
        let rebuilt = match scalar {
            Scalar::Column(_) | Scalar::Outer(_) => replace(arena, &scalar).unwrap_or(id),
            _ if !is_changed => id,
            Scalar::Literal(_) | Scalar::Hole(_) => id,
            Scalar::Call { function, args, .. } if function.flipped().is_some() && args.len() == 2 => {
                let (left, right) = (map(args[0]), map(args[1]));
                arena.comparison(function, left, right)
            }
            Scalar::Call { function, args, data_type } => {
                let args: Vec<ScalarId> = args.into_iter().map(map).collect();
                arena.call(function, args, data_type)
            }
            Scalar::Case { branches, otherwise, data_type } => {
                let branches = branches.into_iter().map(|(when, then)| (map(when), map(then))).collect();
                let otherwise = map(otherwise);
                arena.scalar(Scalar::Case { branches, otherwise, data_type })
            }
            Scalar::Cast { arg, to, is_try } => {
                let arg = map(arg);
                arena.scalar(Scalar::Cast { arg, to, is_try })
            }
            Scalar::InList { arg, list } => {
                let list = list.into_iter().map(map).collect();
                let arg = map(arg);
                arena.in_list(arg, list)
            }
        };
        done.insert(id, rebuilt);
    }
    done.get(&root).copied().unwrap_or(root)
}

/// Whether a scalar reads a column of an enclosing query.
pub(crate) fn has_outer(arena: &Arena, scalar: ScalarId) -> bool {
    let mut has_outer = false;
    arena.visit(scalar, &mut |_, scalar| has_outer |= matches!(scalar, Scalar::Outer(_)));
    has_outer
}
