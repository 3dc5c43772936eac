//! What a scalar can be when some columns are NULL: the abstract evaluation behind the null guards.
//!
//! `is_null_rejecting` and `null_when_all_null` err towards `false`.

use isomer_ir::{Arena, ColumnId, Function, Literal, Scalar, ScalarId};
use rustc_hash::FxHashMap;

/// A set of possible outcomes. Values that are no truth values count as both true and false.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Possible(u8);

impl Possible {
    const NULL: Self = Self(1);
    const TRUE: Self = Self(2);
    const FALSE: Self = Self(4);
    const VALUE: Self = Self(6);
    const ANY: Self = Self(7);

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn with(self, other: Self, is_included: bool) -> Self {
        if is_included { Self(self.0 | other.0) } else { self }
    }
}

/// Whether the predicate is surely not true (FALSE or NULL) on rows where all `columns` are NULL.
pub(crate) fn is_null_rejecting(arena: &Arena, predicate: ScalarId, columns: &[ColumnId]) -> bool {
    !evaluate(arena, predicate, columns).has(Possible::TRUE)
}

/// Whether the scalar is surely NULL on rows where all `columns` are NULL.
pub(crate) fn null_when_all_null(arena: &Arena, scalar: ScalarId, columns: &[ColumnId]) -> bool {
    evaluate(arena, scalar, columns) == Possible::NULL
}

fn evaluate(arena: &Arena, root: ScalarId, columns: &[ColumnId]) -> Possible {
    let mut values: FxHashMap<ScalarId, Possible> = FxHashMap::default();
    arena.visit(root, &mut |id, scalar| {
        let of = |operand: &ScalarId| values.get(operand).copied().unwrap_or(Possible::ANY);
        let value = match scalar {
            Scalar::Column(column) if columns.contains(column) => Possible::NULL,
            Scalar::Column(_) | Scalar::Outer(_) | Scalar::Hole(_) => Possible::ANY,
            Scalar::Literal(Literal::Boolean(true)) => Possible::TRUE,
            Scalar::Literal(Literal::Boolean(false)) => Possible::FALSE,
            Scalar::Literal(literal) => {
                if literal.is_null() {
                    Possible::NULL
                } else {
                    Possible::VALUE
                }
            }
            Scalar::Call { function, args, .. } => evaluate_call(*function, &args.iter().map(of).collect::<Vec<_>>()),
            Scalar::Case { branches, otherwise, .. } => {
                let mut value = Possible(0);
                let mut reaches_else = true;
                for (when, then) in branches {
                    if of(when).has(Possible::TRUE) {
                        value = Possible(value.0 | of(then).0);
                    }
                    if of(when) == Possible::TRUE {
                        reaches_else = false;
                        break;
                    }
                }
                if reaches_else { Possible(value.0 | of(otherwise).0) } else { value }
            }
            Scalar::Cast { arg, .. } => {
                if of(arg) == Possible::NULL {
                    Possible::NULL
                } else {
                    Possible::ANY
                }
            }
            Scalar::InList { arg, list } => {
                if of(arg) == Possible::NULL && !list.is_empty() {
                    Possible::NULL
                } else {
                    Possible::ANY
                }
            }
        };
        values.insert(id, value);
    });
    values.get(&root).copied().unwrap_or(Possible::ANY)
}

fn evaluate_call(function: Function, args: &[Possible]) -> Possible {
    let any = |outcome: Possible| args.iter().any(|arg| arg.has(outcome));
    let all = |outcome: Possible| args.iter().all(|arg| arg.has(outcome));
    let first = args.first().copied().unwrap_or(Possible::ANY);
    match function {
        // Possible outcomes, operand by operand independent: a superset of what can happen.
        Function::And => {
            let none = Possible(0);
            let is_surely_false = args.contains(&Possible::FALSE);
            if is_surely_false {
                return Possible::FALSE;
            }
            let can_be_null =
                any(Possible::NULL) && args.iter().all(|arg| arg.has(Possible::NULL) || arg.has(Possible::TRUE));
            none.with(Possible::TRUE, all(Possible::TRUE))
                .with(Possible::FALSE, any(Possible::FALSE))
                .with(Possible::NULL, can_be_null)
        }
        Function::Or => {
            if args.contains(&Possible::TRUE) {
                return Possible::TRUE;
            }
            let can_be_null =
                any(Possible::NULL) && args.iter().all(|arg| arg.has(Possible::NULL) || arg.has(Possible::FALSE));
            Possible(0)
                .with(Possible::TRUE, any(Possible::TRUE))
                .with(Possible::FALSE, all(Possible::FALSE))
                .with(Possible::NULL, can_be_null)
        }
        Function::Not => Possible(0)
            .with(Possible::TRUE, first.has(Possible::FALSE))
            .with(Possible::FALSE, first.has(Possible::TRUE))
            .with(Possible::NULL, first.has(Possible::NULL)),
        Function::IsNull => Possible(0)
            .with(Possible::TRUE, first.has(Possible::NULL))
            .with(Possible::FALSE, first.has(Possible::VALUE)),
        Function::IsTrue => Possible(0)
            .with(Possible::TRUE, first.has(Possible::TRUE))
            .with(Possible::FALSE, first.has(Possible::FALSE) || first.has(Possible::NULL)),
        Function::IsFalse => Possible(0)
            .with(Possible::TRUE, first.has(Possible::FALSE))
            .with(Possible::FALSE, first.has(Possible::TRUE) || first.has(Possible::NULL)),
        Function::Coalesce | Function::Greatest | Function::Least => {
            if args.iter().all(|arg| *arg == Possible::NULL) {
                Possible::NULL
            } else {
                Possible::ANY
            }
        }
        Function::NullIf => {
            if first == Possible::NULL {
                Possible::NULL
            } else {
                Possible::ANY
            }
        }
        Function::IsDistinct | Function::IsNotDistinct => Possible::VALUE,
        _ if function.is_strict() && args.contains(&Possible::NULL) => Possible::NULL,
        _ if function.is_never_null() => Possible::VALUE,
        _ => Possible::ANY,
    }
}
