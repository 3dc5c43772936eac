//! Sharing rules: relations that serve several models at once, added as members of the classes
//! that they serve. Conditions are those of `rewrites.md` C1–C16 as told in `rulesets/sharing.rules`.

mod roll_up;
mod sites;
mod windows;

use std::sync::Arc;

use egg::Id;
use isomer_ir::{ColumnId, ScalarId};
use rustc_hash::FxHashMap;

use crate::memo::{Memo, Origin};
use crate::operator::Operator;
use crate::simplify::Switches;

use roll_up::{Serving, cover_of};
use sites::{Site, aggregate_sites};

pub(crate) use roll_up::{quotient, rolled_up, summed_type};

/// Sites over one base for which every pair is tried as a cover of its own.
const MAX_PAIRED_SITES: usize = 8;
/// A cover must have at most this share of its base's rows, or it saves too little to be worth
/// keeping in the e-graph. Search control only.
const MAX_COVER_SHARE: f64 = 0.7;

/// Adds every cover that is worth a look. Returns whether anything was added.
pub(crate) fn share(memo: &mut Memo, switches: &mut Switches) -> bool {
    let mut has_changed = windows::share_windows(memo, switches);
    if has_changed {
        memo.rebuild();
    }
    let sites = aggregate_sites(memo);
    let mut by_base: Vec<(Id, Vec<Site>)> = Vec::new();
    let mut index: FxHashMap<Id, usize> = FxHashMap::default();
    for site in sites {
        let position = *index.entry(site.base).or_insert_with(|| {
            by_base.push((site.base, Vec::new()));
            by_base.len() - 1
        });
        by_base[position].1.push(site);
    }
    for (base, group) in by_base {
        if group.len() < 2 {
            continue;
        }
        for subset in subsets(&group) {
            has_changed |= add_cover(memo, switches, base, &subset);
        }
    }
    memo.rebuild();
    has_changed
}

/// Which sites are tried together: those of equal keys and filters, all, and each pair.
fn subsets(group: &[Site]) -> Vec<Vec<&Site>> {
    let mut subsets: Vec<Vec<&Site>> = Vec::new();
    let mut by_shape: Vec<Vec<&Site>> = Vec::new();
    for site in group {
        match by_shape.iter_mut().find(|list| list[0].has_same_groups(site)) {
            Some(list) => list.push(site),
            None => by_shape.push(vec![site]),
        }
    }
    subsets.extend(by_shape.iter().filter(|list| list.len() > 1).cloned());
    if by_shape.len() > 1 {
        subsets.push(group.iter().collect());
        if group.len() > 2 && group.len() <= MAX_PAIRED_SITES {
            for (position, first) in group.iter().enumerate() {
                subsets.extend(group[position + 1..].iter().map(|second| vec![first, second]));
            }
        }
    }
    subsets
}

fn add_cover(memo: &mut Memo, switches: &mut Switches, base: Id, sites: &[&Site]) -> bool {
    let Some(cover) = cover_of(memo, switches, sites) else { return false };
    let origin = Origin {
        rule: Arc::from(cover.servings.first().map_or("share-roll-up", |serving| serving.rule)),
        facts: Vec::new(),
    };
    let filtered = match cover.holds.as_slice() {
        [] => base,
        holds => memo.add_made(Operator::Filter { holds: holds.to_vec() }, &[base], &origin),
    };
    let operator = Operator::Aggregate { keys: cover.keys.clone(), calls: cover.calls.clone() };
    let class = memo.add_made(operator, &[filtered], &origin);
    let is_lossless = sites.iter().all(|site| site.has_same_groups(sites[0]));
    let share = memo.facts(class).rows / memo.facts(base).rows.max(1.0);
    if !is_lossless && share > MAX_COVER_SHARE {
        return false;
    }
    let mut has_changed = false;
    for (site, serving) in sites.iter().zip(&cover.servings) {
        if memo.egraph.find(class) == memo.egraph.find(site.class) {
            continue;
        }
        for name in memo.names(site.class).to_vec() {
            memo.name(class, &name);
        }
        let origin = Origin { rule: Arc::from(serving.rule), facts: serving.facts.clone() };
        if serve(memo, class, site, serving, &origin) {
            switches.fire(serving.rule);
            has_changed = true;
        }
    }
    has_changed
}

/// Makes a site a reader of the cover.
fn serve(memo: &mut Memo, cover: Id, site: &Site, serving: &Serving, origin: &Origin) -> bool {
    let mut class = cover;
    if !serving.residual.is_empty() {
        class = memo.add_made(Operator::Filter { holds: serving.residual.clone() }, &[class], origin);
    }
    if let Some((keys, calls)) = &serving.aggregate {
        let operator = Operator::Aggregate { keys: keys.clone(), calls: calls.clone() };
        if serving.exprs.is_none() {
            return memo.add_equal(site.class, operator, &[class], origin);
        }
        class = memo.add_made(operator, &[class], origin);
    }
    let exprs: Vec<(ColumnId, ScalarId)> = match &serving.exprs {
        Some(exprs) => exprs.clone(),
        None => {
            let columns = memo.columns(site.class).to_vec();
            columns.into_iter().map(|column| (column, memo.context_mut().arena.column_ref(column))).collect()
        }
    };
    memo.add_equal(site.class, Operator::Project { exprs }, &[class], origin)
}
