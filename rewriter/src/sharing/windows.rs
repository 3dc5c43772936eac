//! Windows over one relation in several models: one relation with all the calls (C15).
//! A window adds columns and neither drops nor repeats rows.

use std::sync::Arc;

use egg::Id;
use isomer_ir::{ColumnId, WindowCall};

use crate::memo::{Memo, Origin};
use crate::operator::Operator;
use crate::simplify::Switches;

type Calls = Vec<(ColumnId, WindowCall)>;

const RULE: &str = "share-window-list";

/// Adds the union of window lists over one input as a wider relation.
pub(crate) fn share_windows(memo: &mut Memo, switches: &mut Switches) -> bool {
    if !switches.is_on(RULE) {
        return false;
    }
    let mut by_input: Vec<(Id, Vec<(Id, Calls)>)> = Vec::new();
    for class in memo.class_ids() {
        let facts = memo.facts(class);
        if facts.is_volatile || facts.is_stable_only {
            continue;
        }
        for node in memo.egraph[class].nodes.clone() {
            if let (Operator::Window { calls }, None) = (memo.operator(&node).clone(), memo.origin(&node)) {
                let input = memo.egraph.find(node.inputs[0]);
                match by_input.iter_mut().find(|(known, _)| *known == input) {
                    Some((_, list)) => list.push((class, calls)),
                    None => by_input.push((input, vec![(class, calls)])),
                }
            }
        }
    }
    let mut has_changed = false;
    for (input, list) in by_input {
        if list.len() < 2 {
            continue;
        }
        let mut union: Vec<(ColumnId, WindowCall)> = Vec::new();
        let mut is_consistent = true;
        for (id, call) in list.iter().flat_map(|(_, calls)| calls) {
            match union.iter().find(|(known, _)| known == id) {
                Some((_, known)) => is_consistent &= known == call,
                None => union.push((*id, call.clone())),
            }
        }
        if !is_consistent || list.iter().any(|(_, calls)| calls.len() == union.len()) && list.len() == 1 {
            continue;
        }
        let cover = memo.add(Operator::Window { calls: union }, [input]);
        let origin = Origin { rule: Arc::from(RULE), facts: Vec::new() };
        for (class, _) in list {
            if memo.egraph.find(class) == memo.egraph.find(cover) {
                continue;
            }
            let columns = memo.columns(class).to_vec();
            let exprs =
                columns.into_iter().map(|column| (column, memo.context_mut().arena.column_ref(column))).collect();
            if memo.add_equal(class, Operator::Project { exprs }, &[cover], &origin) {
                switches.fire(RULE);
                has_changed = true;
            }
        }
    }
    has_changed
}
