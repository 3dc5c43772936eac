//! Whether two texts of one query are one to an engine: equal once all is done that engines do by
//! themselves.
//!
//! Stricter than equal rows: a join that an engine would compute in one and not in the other tells
//! them apart. So a text that is equal in this sense also costs the same.

use isomer_ir::{Arena, Catalog, Output};

use crate::memo::Memo;
use crate::normalize::Normalizer;
use crate::operator::Context;
use crate::optimize::{add_root, engine_switches};
use crate::same::{Shown, is_same};

/// Whether two queries are one to an engine. The arena and the catalog are lent, and given back with
/// what was interned on the way. May miss that two are one, never takes two for one.
#[must_use]
pub fn is_same_to_engines(arena: &mut Arena, catalog: &mut Catalog, first: &Output, second: &Output) -> bool {
    let mut memo = Memo::new(Context::new(std::mem::take(arena), std::mem::take(catalog)));
    let reads = rustc_hash::FxHashMap::default();
    let templates = crate::templates::ScalarTemplates::default();
    let entries = [first, second].map(|output| {
        let mut switches = engine_switches();
        let normal = Normalizer::new(memo.context_mut(), &mut switches, &templates, &reads).model(output.clone());
        let base = memo.add_plan(&normal.plan);
        let class = add_root(&mut memo, base, &normal);
        (normal, class)
    });
    memo.rebuild();
    let [first, second] = entries.each_ref().map(|(normal, class)| Shown { normal, class: *class });
    let is_one = is_same(&mut memo, &first, &second);
    let context = std::mem::take(memo.context_mut());
    (*arena, *catalog) = (context.arena, context.catalog);
    is_one
}
