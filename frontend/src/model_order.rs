//! The order in which models are told and made: upstream first. Which are bound when is `bind_project`'s.

use std::collections::BTreeSet;
use std::sync::Arc;

use isomer_ir::{Diagnostic, ModelProject, Span};
use rustc_hash::FxHashSet;

/// Upstream before downstream, ties by name; models in circles or behind them go last, with a diagnostic
/// for each circle.
pub(crate) fn ordered(project: &ModelProject, upstream: &[Vec<usize>]) -> (Vec<usize>, Vec<Diagnostic>) {
    let mut n_open: Vec<usize> = upstream.iter().map(Vec::len).collect();
    let mut downstream: Vec<Vec<usize>> = vec![Vec::new(); upstream.len()];
    for (position, upstream) in upstream.iter().enumerate() {
        for &read in upstream {
            downstream[read].push(position);
        }
    }
    let name = |position: usize| (Arc::clone(&project.models[position].name), position);
    let mut ready: BTreeSet<(Arc<str>, usize)> =
        (0..upstream.len()).filter(|&position| n_open[position] == 0).map(name).collect();
    let mut order = Vec::with_capacity(upstream.len());
    while let Some((_, position)) = ready.pop_first() {
        order.push(position);
        for &next in &downstream[position] {
            n_open[next] -= 1;
            if n_open[next] == 0 {
                ready.insert(name(next));
            }
        }
    }
    let done: FxHashSet<usize> = order.iter().copied().collect();
    let mut rest: Vec<usize> = (0..upstream.len()).filter(|position| !done.contains(position)).collect();
    rest.sort_by_key(|&position| name(position));
    let circles = circles(project, upstream, &rest);
    order.extend(rest);
    (order, circles)
}

/// A diagnostic for each circle found by following, from every model left, its first read that is
/// left too.
fn circles(project: &ModelProject, upstream: &[Vec<usize>], rest: &[usize]) -> Vec<Diagnostic> {
    let left: FxHashSet<usize> = rest.iter().copied().collect();
    let mut visited: FxHashSet<usize> = FxHashSet::default();
    let mut diagnostics = Vec::new();
    for &start in rest {
        let mut path = Vec::new();
        let mut at = start;
        while visited.insert(at) {
            path.push(at);
            let Some(&next) = upstream[at].iter().find(|read| left.contains(*read)) else { break };
            at = next;
        }
        if let Some(from) = path.iter().position(|&position| position == at) {
            let circle = &path[from..];
            let names: Vec<&str> =
                circle.iter().chain(&circle[..1]).map(|&position| &*project.models[position].name).collect();
            let source = &project.models[circle[0]].path;
            let message = format!("models read each other in a circle: {}", names.join(" -> "));
            let span = Span::new(0, project.models[circle[0]].sql.len());
            let help = "one of them must not read the next";
            diagnostics.push(Diagnostic::project("PRJ-0030", source, span, message).with_help(help));
        }
    }
    diagnostics
}
