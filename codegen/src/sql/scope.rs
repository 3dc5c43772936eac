//! Table aliases: which relation gets one, and whether its columns are written with it.

use super::target::Target;
use rustc_hash::{FxHashMap, FxHashSet};

use super::block::{Body, MarkedName, Query, Select, SourceKind};
use super::expr::{ExprId, Exprs, Node, QueryId, SourceId};
use super::name::{Taken, alias, quoted};
use super::statement::Statement;

/// How each relation is named in its `FROM` list; no entry where the columns stand bare.
pub(super) type Aliases = FxHashMap<SourceId, String>;

/// Names the relations of all queries.
pub(super) fn aliases(statement: &Statement<'_, '_>, root: QueryId) -> Aliases {
    let mut scopes = Scopes { statement, read: FxHashMap::default(), aliases: Aliases::default() };
    for cte in &statement.ctes {
        scopes.assign(cte.query, &Taken::default());
    }
    scopes.assign(root, &Taken::default());
    scopes.aliases
}

struct Scopes<'s, 'a, 'p> {
    statement: &'s Statement<'a, 'p>,
    /// Relations that a query's expressions read, its own and those of enclosing queries.
    read: FxHashMap<QueryId, FxHashSet<SourceId>>,
    aliases: Aliases,
}

impl Scopes<'_, '_, '_> {
    fn query(&self, id: QueryId) -> &Query {
        &self.statement.queries[id.0 as usize]
    }

    fn assign(&mut self, id: QueryId, outer: &Taken) {
        let statement = self.statement;
        let query = &statement.queries[id.0 as usize];
        let select = match &query.body {
            Body::Set { branches, .. } => {
                for &branch in branches {
                    stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.assign(branch, outer));
                }
                return;
            }
            Body::Select(select) => select,
        };
        let own: FxHashSet<SourceId> = select.items.iter().map(|item| item.source).collect();
        let inner = nested(&statement.speller.exprs, query, select);
        let is_read_inside = inner.iter().any(|&query| self.read_of(query).iter().any(|source| own.contains(source)));
        let is_reading_outside = self.read_of(id).iter().any(|source| !own.contains(source));
        let is_qualified =
            select.items.len() > 1 || is_read_inside || is_reading_outside || self.is_ambiguous(query, select);
        let mut taken = outer.clone();
        if is_qualified {
            self.take_columns(id, &mut taken);
        }
        for item in &select.items {
            let source = &statement.sources[item.source.0 as usize];
            let name = match &source.kind {
                SourceKind::Table(name)
                | SourceKind::Work { name, .. }
                | SourceKind::Marked { name: MarkedName::Table(name), .. } => alias(name),
                SourceKind::Cte(cte) | SourceKind::Marked { name: MarkedName::Cte(cte), .. } => {
                    alias(&statement.ctes[*cte].name)
                }
                SourceKind::Values { .. } | SourceKind::Output => "v".to_owned(),
            };
            if is_qualified {
                let name = taken.unique(&name);
                self.aliases.insert(item.source, quoted(&name, statement.speller.dialect));
            }
        }
        for query in inner {
            stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.assign(query, &taken));
        }
    }

    /// Takes the names of the columns that a query and those within it have in scope: DataFusion reads `dt.x`
    /// as a field of a column `dt` where there is one nearer than the relation `dt`.
    fn take_columns(&self, id: QueryId, taken: &mut Taken) {
        let mut queries = vec![id];
        while let Some(id) = queries.pop() {
            let query = self.query(id);
            let select = match &query.body {
                Body::Set { branches, .. } => {
                    queries.extend(branches);
                    continue;
                }
                Body::Select(select) => select,
            };
            for item in &select.items {
                let names = self.statement.sources[item.source.0 as usize].names.values();
                taken.take_all(names.map(|name| name.trim_matches(['"', '`'])));
            }
            queries.extend(nested(&self.statement.speller.exprs, query, select));
        }
    }

    fn read_of(&mut self, id: QueryId) -> FxHashSet<SourceId> {
        if let Some(read) = self.read.get(&id) {
            return read.clone();
        }
        let statement = self.statement;
        let query = self.query(id);
        let mut read = FxHashSet::default();
        let mut inner = Vec::new();
        let mut roots: Vec<ExprId> = query.order.iter().map(|order| order.expr).collect();
        match &query.body {
            Body::Select(select) => roots.extend(exprs_of(select)),
            Body::Set { branches, .. } => inner.extend(branches.iter().copied()),
        }
        statement.speller.exprs.visit(&roots, &mut |_, node| match node {
            Node::Field { source, .. } => {
                read.insert(*source);
            }
            Node::Subquery { query, .. } => inner.push(*query),
            Node::Pieces { .. } | Node::Junction { .. } | Node::Case { .. } | Node::InList { .. } => {}
        });
        for query in inner {
            let deeper = stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.read_of(query));
            let own: FxHashSet<SourceId> = self.own_of(query);
            read.extend(deeper.into_iter().filter(|source| !own.contains(source)));
        }
        self.read.insert(id, read.clone());
        read
    }

    fn own_of(&self, id: QueryId) -> FxHashSet<SourceId> {
        match &self.query(id).body {
            Body::Select(select) => select.items.iter().map(|item| item.source).collect(),
            Body::Set { .. } => FxHashSet::default(),
        }
    }

    /// Whether a bare column outside the select list could be taken for an output name.
    fn is_ambiguous(&self, query: &Query, select: &Select) -> bool {
        let exprs = &self.statement.speller.exprs;
        let outs: FxHashMap<String, ExprId> =
            select.columns.iter().map(|(expr, name)| (quoted(name, self.dialect()).to_lowercase(), *expr)).collect();
        let mut roots: Vec<ExprId> = query.order.iter().map(|order| order.expr).collect();
        roots.extend(select.group.iter().chain(&select.having).chain(&select.qualify).copied());
        // The output name itself is written for these.
        roots.retain(|root| !select.columns.iter().any(|(expr, _)| expr == root && select.group.is_empty()));
        let mut is_ambiguous = false;
        exprs.visit(&roots, &mut |id, node| {
            if let Node::Field { source, column } = node
                && let Some(name) = self.statement.sources[source.0 as usize].names.get(column)
            {
                is_ambiguous |= outs.get(&name.to_lowercase()).is_some_and(|&out| out != id);
            }
        });
        is_ambiguous
    }

    fn dialect(&self) -> Target {
        self.statement.speller.dialect
    }
}

/// Every expression of a `SELECT` but its order.
pub(super) fn exprs_of(select: &Select) -> Vec<ExprId> {
    let mut exprs: Vec<ExprId> = select.columns.iter().map(|(expr, _)| *expr).collect();
    exprs.extend(select.items.iter().flat_map(|item| item.on.iter().copied()));
    exprs.extend(select.filter.iter().chain(&select.group).chain(&select.having).chain(&select.qualify).copied());
    exprs
}

fn nested(exprs: &Exprs, query: &Query, select: &Select) -> Vec<QueryId> {
    let mut inner = Vec::new();
    let mut roots = exprs_of(select);
    roots.extend(query.order.iter().map(|order| order.expr));
    exprs.visit(&roots, &mut |_, node| {
        if let Node::Subquery { query, .. } = node {
            inner.push(*query);
        }
    });
    inner.sort_unstable();
    inner.dedup();
    inner
}
