//! Extraction: for a fixed set of materialised classes each class is a tree problem, solved by
//! relaxation to a fixed point; the set itself is found by greedy choice with lazy benefits and a
//! drop and swap pass (Roy et al. 2000, "Efficient and extensible algorithms for multi query
//! optimization", section 4). Never pay-once DAG cost: an inlined class read n times costs n times.

use egg::Id;
use isomer_ir::ColumnId;
use rustc_hash::FxHashMap;

use crate::cost::{operator_cost, read_cost, row_cost, write_cost};
use crate::demand::demanded;
use crate::memo::Memo;
use crate::operator::{Node, Operator};

/// Candidates for materialisation that are looked at; more are left out, the least promising first.
const MAX_CANDIDATES: usize = 96;
/// Rounds of dropping and swapping after the greedy choice.
const IMPROVE_ROUNDS: usize = 2;

/// A model's place in the project.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    /// Class of the model's result.
    pub(crate) class: Id,
    /// The columns of the class that the model shows.
    pub(crate) shows: Vec<ColumnId>,
    /// Key under which others read it.
    pub(crate) key: std::sync::Arc<str>,
    /// Whether its rows are stored, so that later models may read them.
    pub(crate) is_stored: bool,
    /// Whether its cost counts: a view that others inline costs nothing by itself.
    pub(crate) is_counted: bool,
}

#[derive(Debug)]
struct Choice {
    node: Node,
    inputs: Vec<usize>,
    cost: f64,
    /// Position of the root whose stored rows this scan reads.
    reads_root: Option<usize>,
    is_written: bool,
}

/// The e-graph as dense arrays.
#[derive(Debug)]
pub(crate) struct Graph {
    ids: Vec<Id>,
    choices: Vec<Vec<Choice>>,
    parents: Vec<Vec<usize>>,
    rows: Vec<f64>,
    /// What storing a row of a class costs.
    row_costs: Vec<f64>,
    roots: Vec<(usize, Root)>,
    /// Classes worth materialising by kind.
    is_heavy: Vec<bool>,
    /// For each root the classes that can read its stored rows.
    readers: Vec<Vec<usize>>,
}

/// Costs and chosen nodes at one moment of the evaluation.
#[derive(Debug, Clone)]
pub(crate) struct State {
    cost: Vec<f64>,
    chosen: Vec<Option<usize>>,
    is_enabled: Vec<bool>,
    is_materialised: Vec<bool>,
    written_only: bool,
}

/// A materialised class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Materialised {
    pub(crate) class: usize,
    /// Position of the first root that may read it.
    first: usize,
    /// Its cost with nothing else materialised; what reads another shared relation costs more.
    alone: f64,
}

impl Graph {
    pub(crate) fn new(memo: &Memo, roots: &[Root]) -> Self {
        let ids = memo.class_ids();
        let index: FxHashMap<Id, usize> = ids.iter().enumerate().map(|(position, &id)| (id, position)).collect();
        let find = |id: Id| index[&memo.egraph.find(id)];
        let mut parents = vec![Vec::new(); ids.len()];
        let mut choices = Vec::with_capacity(ids.len());
        let mut is_heavy = Vec::with_capacity(ids.len());
        for (position, &id) in ids.iter().enumerate() {
            let own = memo.facts(id);
            let mut list = Vec::new();
            let mut heavy = false;
            for node in &memo.egraph[id].nodes {
                let operator = memo.operator(node);
                let inputs: Vec<usize> = node.inputs.iter().map(|&input| find(input)).collect();
                let facts: Vec<_> = node.inputs.iter().map(|&input| memo.facts(input)).collect();
                for &input in &inputs {
                    parents[input].push(position);
                }
                heavy |= matches!(
                    operator,
                    Operator::Aggregate { .. }
                        | Operator::GroupingSets { .. }
                        | Operator::Window { .. }
                        | Operator::Unnest { .. }
                        | Operator::InnerJoin { .. }
                        | Operator::Join { .. }
                        | Operator::RecursiveUnion { .. }
                        | Operator::SetOp { .. }
                );
                let reads_root = match operator {
                    Operator::Scan { table, .. } => roots.iter().position(|root| root.key == *table),
                    _ => None,
                };
                let cost = operator_cost(memo.context(), operator, &facts, own);
                list.push(Choice {
                    node: node.clone(),
                    inputs,
                    cost,
                    reads_root,
                    is_written: memo.origin(node).is_none(),
                });
            }
            // Written nodes first: on equal cost the plan that changes less is kept.
            list.sort_by(|a, b| (!a.is_written, &a.node).cmp(&(!b.is_written, &b.node)));
            is_heavy.push(heavy && !own.is_volatile && !own.is_stable_only);
            choices.push(list);
        }
        for list in &mut parents {
            list.sort_unstable();
            list.dedup();
        }
        let n_roots = roots.len();
        let shown: Vec<(Id, Vec<ColumnId>)> = roots.iter().map(|root| (root.class, root.shows.clone())).collect();
        let roots = roots.iter().map(|root| (find(root.class), root.clone())).collect();
        let rows = ids.iter().map(|&id| memo.facts(id).rows).collect();
        let arena = &memo.context().arena;
        // One model alone shares nothing.
        let demand = if n_roots > 1 { demanded(memo, shown) } else { FxHashMap::default() };
        let row_costs = ids.iter().map(|id| demand.get(id).map_or(0.0, |columns| row_cost(arena, columns))).collect();
        let mut readers = vec![Vec::new(); n_roots];
        for (position, list) in choices.iter().enumerate() {
            for root in list.iter().filter_map(|choice: &Choice| choice.reads_root) {
                readers[root].push(position);
            }
        }
        Self { ids, choices, parents, rows, row_costs, roots, is_heavy, readers }
    }

    pub(crate) fn id(&self, class: usize) -> Id {
        self.ids[class]
    }

    pub(crate) fn rows(&self, class: usize) -> f64 {
        self.rows[class]
    }

    /// Costs with nothing materialised and no stored model readable.
    fn start(&self, written_only: bool) -> State {
        let n = self.ids.len();
        let mut state = State {
            cost: vec![f64::INFINITY; n],
            chosen: vec![None; n],
            is_enabled: vec![false; self.roots.len()],
            is_materialised: vec![false; n],
            written_only,
        };
        self.relax(&mut state, (0..n).collect());
        state
    }

    /// What the models cost as they were written, none of them stored yet.
    pub(crate) fn written(&self) -> State {
        self.start(true)
    }

    /// Lets later models read a model's stored rows.
    pub(crate) fn store(&self, state: &mut State, position: usize) {
        if self.roots[position].1.is_stored {
            state.is_enabled[position] = true;
            self.relax(state, self.readers[position].clone());
        }
    }

    fn relax(&self, state: &mut State, mut queue: Vec<usize>) {
        let mut is_queued = vec![false; self.ids.len()];
        for &class in &queue {
            is_queued[class] = true;
        }
        let mut next = 0;
        while next < queue.len() {
            let class = queue[next];
            next += 1;
            is_queued[class] = false;
            if state.is_materialised[class] {
                continue;
            }
            let mut has_improved = false;
            for (position, choice) in self.choices[class].iter().enumerate() {
                if choice.reads_root.is_some_and(|root| !state.is_enabled[root])
                    || (state.written_only && !choice.is_written)
                {
                    continue;
                }
                if choice.inputs.iter().any(|&input| state.cost[input].is_infinite()) {
                    continue;
                }
                let cost = choice.cost + choice.inputs.iter().map(|&input| state.cost[input]).sum::<f64>();
                // Only what has no plan is infinitely dear.
                let cost = cost.min(f64::MAX);
                // A hair is no improvement: plans must not flap on rounding.
                if cost < state.cost[class] * (1.0 - 1e-9) || (state.cost[class].is_infinite() && cost.is_finite()) {
                    state.cost[class] = cost;
                    state.chosen[class] = Some(position);
                    has_improved = true;
                }
            }
            if has_improved {
                for &parent in &self.parents[class] {
                    if !is_queued[parent] {
                        is_queued[parent] = true;
                        queue.push(parent);
                    }
                }
            }
        }
    }

    fn materialise(&self, state: &mut State, class: usize) {
        let read = read_cost(self.rows[class]);
        if read < state.cost[class] {
            state.is_materialised[class] = true;
            state.cost[class] = read;
            let parents = self.parents[class].clone();
            self.relax(state, parents);
        }
    }

    /// Walks the roots in order, with `visit(event, state)` where a plan may be read off.
    pub(crate) fn walk(
        &self,
        materialised: &[Materialised],
        written_only: bool,
        visit: &mut dyn FnMut(Event, &State),
    ) -> f64 {
        let mut state = self.start(written_only);
        let mut total = 0.0;
        for (position, (class, root)) in self.roots.iter().enumerate() {
            for shared in materialised.iter().filter(|shared| shared.first == position) {
                total += self.statement_cost(&state, shared.class)
                    + write_cost(self.rows[shared.class], self.row_costs[shared.class]);
                visit(Event::Shared(*shared), &state);
                self.materialise(&mut state, shared.class);
            }
            visit(Event::Root(position), &state);
            if root.is_counted {
                total += self.statement_cost(&state, *class);
            }
            self.store(&mut state, position);
        }
        total
    }

    /// The cost of a class as one statement: a relation that the statement reads several times is
    /// written as a common table expression, computed once and read as often.
    pub(crate) fn statement_cost(&self, state: &State, class: usize) -> f64 {
        let mut seen: rustc_hash::FxHashSet<usize> = rustc_hash::FxHashSet::default();
        let mut total = 0.0;
        let mut stack = vec![class];
        while let Some(class) = stack.pop() {
            if state.is_materialised[class] {
                total += state.cost[class];
                continue;
            }
            let Some(position) = state.chosen[class] else { return state.cost[class] };
            if !seen.insert(class) {
                total += if self.is_heavy[class] { read_cost(self.rows[class]) } else { state.cost[class] };
                continue;
            }
            let choice = &self.choices[class][position];
            total += choice.cost;
            stack.extend_from_slice(&choice.inputs);
        }
        total
    }

    /// The set of classes to materialise; without `with_common` only relations that a rule made.
    pub(crate) fn choose(&self, min_rows: f64, with_common: bool) -> Vec<Materialised> {
        let mut chosen: Vec<Materialised> = Vec::new();
        let mut total = self.walk(&chosen, false, &mut |_, _| {});
        let mut candidates = self.candidates(min_rows, with_common);
        while let Some((position, better)) = self.best_addition(&chosen, &mut candidates, total) {
            chosen.push(candidates.remove(position).0);
            sort_shared(&mut chosen);
            total = better;
        }
        for _ in 0..IMPROVE_ROUNDS {
            let mut has_improved = false;
            for position in (0..chosen.len()).rev() {
                let mut without = chosen.clone();
                without.remove(position);
                let cost = self.walk(&without, false, &mut |_, _| {});
                if cost <= total {
                    chosen = without;
                    total = cost;
                    has_improved = true;
                    continue;
                }
                for (candidate, _) in &candidates {
                    let mut swapped = without.clone();
                    swapped.push(*candidate);
                    sort_shared(&mut swapped);
                    let cost = self.walk(&swapped, false, &mut |_, _| {});
                    if cost < total * (1.0 - 1e-9) {
                        chosen = swapped;
                        total = cost;
                        has_improved = true;
                        break;
                    }
                }
            }
            if !has_improved {
                break;
            }
        }
        chosen
    }

    /// The candidate that saves most, by lazy evaluation: a benefit found earlier bounds a later one.
    fn best_addition(
        &self,
        chosen: &[Materialised],
        candidates: &mut [(Materialised, f64)],
        total: f64,
    ) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by(|&a, &b| candidates[b].1.total_cmp(&candidates[a].1).then(a.cmp(&b)));
        for position in order {
            if best.is_some_and(|(_, cost)| total - cost >= candidates[position].1) {
                break;
            }
            let mut trial = chosen.to_vec();
            trial.push(candidates[position].0);
            sort_shared(&mut trial);
            let cost = self.walk(&trial, false, &mut |_, _| {});
            candidates[position].1 = (total - cost).max(0.0);
            if cost < total * (1.0 - 1e-6) && best.is_none_or(|(_, least)| cost < least) {
                best = Some((position, cost));
            }
        }
        best
    }

    /// Classes that at least two roots can reach and that cost more than storing and reading them,
    /// with an upper bound of what they save.
    fn candidates(&self, min_rows: f64, with_common: bool) -> Vec<(Materialised, f64)> {
        let reach = self.reachable();
        let mut first_read: Vec<Vec<usize>> = vec![Vec::new(); self.roots.len()];
        for (class, roots) in reach.iter().enumerate() {
            if let Some(&first) = roots.first() {
                first_read[first].push(class);
            }
        }
        // What a class costs where it is first needed: later its rows may stand in a model.
        let mut costs = vec![f64::INFINITY; self.ids.len()];
        self.walk(&[], false, &mut |event, state| {
            if let Event::Root(position) = event {
                for &class in &first_read[position] {
                    costs[class] = state.cost[class];
                }
            }
        });
        let mut candidates = Vec::new();
        for (class, roots) in reach.iter().enumerate() {
            let is_made = self.choices[class].iter().any(|choice| !choice.is_written);
            if !self.is_heavy[class]
                || !(with_common || is_made)
                || roots.len() < 2
                || !costs[class].is_finite()
                || costs[class] < min_rows
            {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "a count of models")]
            let uses = roots.len() as f64;
            let read = read_cost(self.rows[class]);
            let bound = (uses - 1.0) * costs[class] - uses * read;
            if bound > 0.0 {
                candidates.push((Materialised { class, first: roots[0], alone: costs[class] }, uses * costs[class]));
            }
        }
        candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.class.cmp(&b.0.class)));
        candidates.truncate(MAX_CANDIDATES);
        candidates
    }

    /// For each class the counted roots that can reach it, ascending.
    fn reachable(&self) -> Vec<Vec<usize>> {
        let mut reach: Vec<Vec<usize>> = vec![Vec::new(); self.ids.len()];
        for (position, (class, root)) in self.roots.iter().enumerate() {
            if !root.is_counted {
                continue;
            }
            let mut stack = vec![*class];
            while let Some(class) = stack.pop() {
                if reach[class].last() == Some(&position) {
                    continue;
                }
                reach[class].push(position);
                for choice in &self.choices[class] {
                    stack.extend_from_slice(&choice.inputs);
                }
            }
        }
        reach
    }

    /// The chosen node of a class in a state, with its inputs.
    pub(crate) fn chosen<'g>(&'g self, state: &State, class: usize) -> Option<(&'g Node, &'g [usize], bool)> {
        let choice = &self.choices[class][state.chosen[class]?];
        Some((&choice.node, &choice.inputs, choice.is_written))
    }

    pub(crate) fn root_class(&self, position: usize) -> usize {
        self.roots[position].0
    }
}

/// Cheaper relations first, so that a dearer one of the same place can read them.
fn sort_shared(shared: &mut [Materialised]) {
    shared.sort_by(|a, b| a.first.cmp(&b.first).then(a.alone.total_cmp(&b.alone)).then(a.class.cmp(&b.class)));
}

/// A moment of [`Graph::walk`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// A shared relation is about to be stored.
    Shared(Materialised),
    /// The root at this position is about to be computed.
    Root(usize),
}

impl State {
    pub(crate) fn cost(&self, class: usize) -> f64 {
        self.cost[class]
    }

    pub(crate) fn is_materialised(&self, class: usize) -> bool {
        self.is_materialised[class]
    }
}
