//! What an aggregate gives over no rows, which decides what stands in the place of a missing group.

use crate::{AggregateCall, Arena, Function, ListedFunction, Literal, ScalarId};

/// What an aggregate gives over no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OverNothing {
    /// NULL.
    Null,
    /// The number zero.
    Zero,
    /// A list without elements.
    EmptyList,
    /// Something else, or nobody said.
    Unknown,
}

impl Arena {
    /// The value of an aggregate's call over no rows; `None` where that is not known.
    pub fn value_over_nothing(&mut self, call: &AggregateCall) -> Option<ScalarId> {
        Some(match call.function.over_nothing() {
            OverNothing::Null => self.literal(Literal::Null(call.data_type)),
            OverNothing::Zero => self.literal(Literal::Int(0, call.data_type)),
            OverNothing::EmptyList => {
                let list = Function::Listed(ListedFunction::named("list_value")?);
                self.call(list, [], call.data_type)
            }
            OverNothing::Unknown => return None,
        })
    }

    /// What a column with the results of groups says where a row may have no group, so that it is
    /// NULL; `None` where the value over no rows is not known.
    pub fn or_over_nothing(&mut self, call: &AggregateCall, column: ScalarId) -> Option<ScalarId> {
        if call.function.over_nothing() == OverNothing::Null {
            return Some(column);
        }
        let value = self.value_over_nothing(call)?;
        Some(self.call(Function::Coalesce, [column, value], call.data_type))
    }
}
