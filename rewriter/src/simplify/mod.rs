//! The scalar simplifier: directed, terminating, bottom-up; no saturation of scalars.
//!
//! `scalar` keeps three-valued equality; `holds` may also turn NULL into FALSE and is used for
//! filters and join conditions only. One file a family; each family answers with an equal scalar or
//! with nothing.

mod arithmetic;
mod boolean;
mod case;
mod casts;
mod comparison;
mod contexts;
mod domain;
mod fold;
mod holds;
mod literals;
mod nulls;
mod switches;
mod temporal;
#[cfg(test)]
mod tests;
mod text;
mod transitive;

use isomer_ir::{Arena, DataType, Function, Literal, Scalar, ScalarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::templates::ScalarTemplates;

pub(crate) use holds::is_false;
pub(crate) use switches::{Stop, Switches};
pub(crate) use transitive::transitive;

/// Steps for one root before what is left is taken as it is. Each step makes a scalar smaller or brings
/// it nearer to its normal form, so this is a seat belt.
const MAX_STEPS: usize = 20_000;

/// Templates that fire for one root: a project's own may grow a scalar without end.
const MAX_TEMPLATES: usize = 100;

/// Simplifies scalars, each distinct one once.
#[derive(Debug, Default)]
pub(crate) struct Simplifier {
    done: FxHashMap<ScalarId, ScalarId>,
    /// Lists of conjuncts of which no rule changes anything.
    settled: FxHashSet<Vec<ScalarId>>,
}

/// What is left to do for a scalar.
enum Task {
    /// Its operands, then itself.
    Enter(ScalarId),
    /// Its operands are done.
    Leave(ScalarId),
    /// It became another scalar, whose normal form is its own.
    Alias(ScalarId, ScalarId),
}

impl Simplifier {
    /// An equal scalar in three-valued logic.
    pub(crate) fn scalar(
        &mut self,
        arena: &mut Arena,
        root: ScalarId,
        switches: &mut Switches,
        templates: &ScalarTemplates,
    ) -> ScalarId {
        if let Some(&done) = self.done.get(&root) {
            return done;
        }
        let mut tasks = vec![Task::Enter(root)];
        // What is under way is not entered again: rules that turn a scalar back end there.
        let mut under_way: FxHashSet<ScalarId> = FxHashSet::default();
        let (mut n_steps, mut n_made) = (0, 0);
        while let Some(task) = tasks.pop() {
            match task {
                Task::Enter(id) => {
                    if !self.done.contains_key(&id) && under_way.insert(id) {
                        tasks.push(Task::Leave(id));
                        tasks.extend(arena.operands(id).into_iter().rev().map(Task::Enter));
                    }
                }
                Task::Leave(id) => {
                    let rebuilt = arena.rebuilt(id, &|operand| self.done.get(&operand).copied().unwrap_or(operand));
                    n_steps += 1;
                    // What a project wrote comes first: a rule of ours must not take its pattern away.
                    let mut next = rebuilt;
                    if let Some((made, rule)) = templates.rewrite_once(arena, rebuilt, switches) {
                        n_made += 1;
                        // What is under way came first: the template turns it back.
                        let is_turned_back = under_way.contains(&made) && !self.done.contains_key(&made);
                        if n_made < MAX_TEMPLATES && !is_turned_back {
                            next = made;
                        } else {
                            switches.stop(&rule, Stop::FeedsItself);
                        }
                    }
                    if next == rebuilt {
                        next = step(arena, rebuilt, switches).unwrap_or(rebuilt);
                    }
                    if next == rebuilt || n_steps > MAX_STEPS {
                        self.done.insert(id, rebuilt);
                        self.done.insert(rebuilt, rebuilt);
                    } else {
                        tasks.push(Task::Alias(id, next));
                        tasks.push(Task::Enter(next));
                    }
                }
                Task::Alias(id, next) => {
                    let normal = self.done.get(&next).copied().unwrap_or(next);
                    self.done.insert(id, normal);
                }
            }
        }
        self.done.get(&root).copied().unwrap_or(root)
    }
}

/// An equal scalar that is nearer to the normal form, where some rule knows one.
fn step(arena: &mut Arena, id: ScalarId, switches: &mut Switches) -> Option<ScalarId> {
    match arena[id].clone() {
        Scalar::Column(_) | Scalar::Outer(_) | Scalar::Literal(_) | Scalar::Hole(_) => None,
        Scalar::Call { function, args, data_type } => step_call(arena, id, function, &args, data_type, switches),
        Scalar::Case { branches, otherwise, data_type } => case::step(arena, &branches, otherwise, data_type, switches),
        Scalar::Cast { arg, to, is_try } => casts::step(arena, arg, to, is_try, switches),
        Scalar::InList { arg, list } => comparison::step_in_list(arena, arg, &list, switches),
    }
    .filter(|&next| next != id)
}

fn step_call(
    arena: &mut Arena,
    id: ScalarId,
    function: Function,
    args: &[ScalarId],
    data_type: DataType,
    switches: &mut Switches,
) -> Option<ScalarId> {
    if let Some(null) = nulls::propagate(arena, function, args, data_type, switches) {
        return Some(null);
    }
    if switches.is_on("fold-constants")
        && let Some(folded) = fold::fold(arena, function, args, data_type)
    {
        switches.fire("fold-constants");
        return Some(arena.literal(folded));
    }
    if let Some(pushed) = case::push_into(arena, function, args, data_type, switches) {
        return Some(pushed);
    }
    match function {
        Function::And | Function::Or => boolean::step_junction(arena, function, args, switches),
        Function::Not => boolean::step_not(arena, args, switches),
        Function::IsTrue | Function::IsFalse => boolean::step_test(arena, function, args, switches),
        Function::IsNull => nulls::step_is_null(arena, args, switches),
        Function::Coalesce => nulls::step_coalesce(arena, args, data_type, switches),
        Function::NullIf => nulls::step_nullif(arena, args, data_type, switches),
        Function::Eq
        | Function::NotEq
        | Function::Lt
        | Function::LtEq
        | Function::Gt
        | Function::GtEq
        | Function::IsDistinct
        | Function::IsNotDistinct => match args {
            &[left, right] => comparison::step(arena, function, left, right, switches),
            _ => None,
        },
        Function::Add
        | Function::Subtract
        | Function::Multiply
        | Function::Divide
        | Function::IntegerDivide
        | Function::Negate => arithmetic::step(arena, function, args, data_type, switches),
        Function::DateTrunc if switches.is_on("merge-date-truncs") => {
            let merged = temporal::merge_truncs(arena, args, data_type);
            switches.fire_if("merge-date-truncs", merged)
        }
        Function::Concat
        | Function::Like
        | Function::StartsWith
        | Function::EndsWith
        | Function::Contains
        | Function::RegexpMatches => text::step(arena, function, args, switches),
        _ => None,
    }
    .filter(|&next| next != id)
}

/// Whether the scalar is NULL on no row, whatever its columns hold. May miss some.
fn is_never_null(arena: &Arena, root: ScalarId) -> bool {
    let mut values: FxHashMap<ScalarId, bool> = FxHashMap::default();
    arena.visit(root, &mut |id, scalar| {
        let of = |operand: &ScalarId| values.get(operand).copied().unwrap_or(false);
        let value = match scalar {
            Scalar::Column(_) | Scalar::Outer(_) | Scalar::Hole(_) => false,
            Scalar::Literal(literal) => !literal.is_null(),
            Scalar::Call { function, args, .. } => match function {
                Function::Coalesce => args.iter().any(of),
                Function::And | Function::Or => args.iter().all(of),
                _ if function.is_never_null() => true,
                _ => function.is_strict() && !function.may_make_null() && args.iter().all(of),
            },
            Scalar::Case { branches, otherwise, .. } => branches.iter().all(|(_, then)| of(then)) && of(otherwise),
            Scalar::Cast { arg, to, is_try } => {
                of(arg) && (!is_try || isomer_ir::is_widening(arena.type_of(*arg), *to))
            }
            Scalar::InList { arg, list } => of(arg) && list.iter().all(of),
        };
        values.insert(id, value);
    });
    values.get(&root).copied().unwrap_or(false)
}

/// A typed NULL.
fn null_of(arena: &mut Arena, data_type: DataType) -> ScalarId {
    arena.literal(Literal::Null(data_type))
}

/// `scalar IS NULL`.
fn is_null(arena: &mut Arena, scalar: ScalarId) -> ScalarId {
    arena.predicate(Function::IsNull, [scalar])
}

/// `NOT scalar`.
fn not(arena: &mut Arena, scalar: ScalarId) -> ScalarId {
    arena.predicate(Function::Not, [scalar])
}
