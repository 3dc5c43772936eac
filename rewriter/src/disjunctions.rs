//! Filters of join inputs that follow from a disjunction over several inputs: an alternative, for the
//! condition is then tested twice.

use std::sync::Arc;

use egg::Id;
use isomer_ir::{Arena, ColumnId, Function, Scalar, ScalarId, Volatility};

use crate::memo::{Memo, Origin};
use crate::operator::Operator;
use crate::simplify::{Simplifier, Switches};
use crate::templates::ScalarTemplates;

const RULE: &str = "infer-filter-from-disjunction";

/// From `(a.x = 1 AND b.y = 2) OR (a.x = 3 AND b.y = 4)` follows `a.x IN (1, 3)`: the join stands over the
/// filtered inputs as well. Returns whether anything was added.
pub(crate) fn filter_inputs(
    memo: &mut Memo,
    switches: &mut Switches,
    class: Id,
    inputs: &[Id],
    on: &[ScalarId],
) -> bool {
    if !switches.is_on(RULE) {
        return false;
    }
    let mut unnamed = switches.unnamed();
    let mut filtered: Vec<Id> = inputs.to_vec();
    for input in &mut filtered {
        let columns = memo.columns(*input).to_vec();
        let arena = &mut memo.context_mut().arena;
        let implied: Vec<ScalarId> = on.iter().filter_map(|&cond| implied_on(arena, cond, &columns)).collect();
        if implied.is_empty() {
            continue;
        }
        let mut holds = Simplifier::default().holds(
            &mut memo.context_mut().arena,
            &implied,
            &mut unnamed,
            &ScalarTemplates::default(),
        );
        // A filter that stands there already takes them in.
        let below = memo.egraph[*input].nodes.iter().find_map(|node| match memo.operator(node) {
            Operator::Filter { holds } => Some((holds.clone(), node.inputs[0])),
            _ => None,
        });
        let base = match below {
            Some((own, below)) => {
                holds.extend(own.iter().copied());
                let arena = &mut memo.context_mut().arena;
                holds = Simplifier::default().holds(arena, &holds, &mut unnamed, &ScalarTemplates::default());
                if holds == own {
                    continue;
                }
                below
            }
            None => *input,
        };
        if !holds.is_empty() && !crate::simplify::is_false(&memo.context().arena, &holds) {
            *input = memo.add(Operator::Filter { holds }, [base]);
        }
    }
    if filtered == inputs {
        return false;
    }
    let origin = Origin { rule: Arc::from(RULE), facts: Vec::new() };
    let is_added = memo.add_equal(class, Operator::InnerJoin { on: on.to_vec() }, &filtered, &origin);
    if is_added {
        switches.fire(RULE);
    }
    is_added
}

/// What every disjunct says of these columns alone, where every one says something.
fn implied_on(arena: &mut Arena, cond: ScalarId, columns: &[ColumnId]) -> Option<ScalarId> {
    let Scalar::Call { function: Function::Or, args, .. } = arena[cond].clone() else { return None };
    let mut parts = Vec::with_capacity(args.len());
    for &disjunct in &args {
        let own: Vec<ScalarId> = arena
            .conjuncts(disjunct)
            .into_iter()
            .filter(|&part| {
                let read = arena.columns_of(part);
                !read.is_empty()
                    && read.iter().all(|column| columns.contains(column))
                    && !arena.can_raise(part)
                    && arena.volatility(part) == Volatility::Immutable
            })
            .collect();
        if own.is_empty() {
            return None;
        }
        parts.push(arena.and(own));
    }
    Some(arena.or(parts))
}
