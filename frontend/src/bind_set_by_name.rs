//! `UNION BY NAME`: columns are put together by their names, in the order in which they first stand; a
//! branch without a column has NULL there.

use std::sync::Arc;

use isomer_ir::{ColumnId, DataType, Literal, Plan, ScalarId, SetOpKind, fold};

use crate::bind::{Bind, Binder, Bound};
use crate::scope::Rel;

impl Binder<'_> {
    pub(crate) fn union_by_name(&mut self, kind: SetOpKind, left: Bound, right: Bound) -> Bind<Bound> {
        let mut names: Vec<Arc<str>> = Vec::new();
        for bound in [&left, &right] {
            let mut own: Vec<Arc<str>> = Vec::with_capacity(bound.columns.len());
            for (name, _) in &bound.columns {
                let key = fold(name);
                if own.contains(&key) {
                    let message = format!("column `{name}` stands twice in a branch of `UNION BY NAME`");
                    let whole = isomer_ir::Span::new(0, self.text.text.len());
                    let fault = self.text.fault("SQL-0016", whole, message);
                    return Err(Box::new(fault.with_help("give one of them another alias")));
                }
                if !names.iter().any(|known| fold(known) == key) {
                    names.push(Arc::clone(name));
                }
                own.push(key);
            }
        }
        let inputs = vec![self.with_columns(left, &names), self.with_columns(right, &names)];
        self.set_op(kind, inputs)
    }

    /// A relation with these columns, NULL where it has none of a name.
    fn with_columns(&mut self, bound: Bound, names: &[Arc<str>]) -> Bound {
        let Bound { rel, columns } = bound;
        let mut exprs: Vec<(ColumnId, ScalarId)> = Vec::with_capacity(names.len());
        let mut shown = Vec::with_capacity(names.len());
        let mut exposed = Vec::with_capacity(names.len());
        for name in names {
            let found = columns.iter().find(|(known, _)| fold(known) == fold(name));
            let (id, scalar, may_be_null) = match found {
                Some(&(_, id)) => (id, self.arena.column_ref(id), rel.columns.get(&id).copied().unwrap_or(true)),
                None => {
                    let null = self.arena.literal(Literal::Null(DataType::Null));
                    let id = self.arena.computed_column(null, name);
                    (rel.fresh(id, self.arena), null, true)
                }
            };
            if !exprs.iter().any(|(known, _)| *known == id) {
                exprs.push((id, scalar));
                exposed.push((id, may_be_null));
            }
            shown.push((Arc::clone(name), id));
        }
        Bound { rel: Rel::new(Plan::Project { input: Box::new(rel.plan), exprs }, exposed), columns: shown }
    }
}
