//! The tables that a query reads, by the syntax alone: names that no `WITH` in scope defines.

use std::ops::ControlFlow;
use std::sync::Arc;

use isomer_ir::fold;
use sqlparser::ast::{ObjectName, Query, SetExpr, Table, TableFactor, Visit, Visitor};

/// Folded names of the tables of a query, sorted and distinct.
pub(crate) fn tables_read(query: &Query) -> Vec<Arc<str>> {
    let mut finder = Finder::default();
    let _ = query.visit(&mut finder);
    finder.reads.sort_unstable();
    finder.reads.dedup();
    finder.reads
}

#[derive(Default)]
struct Finder {
    reads: Vec<Arc<str>>,
    frames: Vec<Frame>,
}

/// What an open query's `WITH` defines: a name counts only behind its definition, since
/// `WITH orders AS (SELECT … FROM orders)` reads the table `orders`.
#[derive(Default)]
struct Frame {
    pending: Vec<(usize, Arc<str>)>,
    defined: Vec<Arc<str>>,
}

impl Finder {
    fn read(&mut self, name: &ObjectName) {
        let parts: Vec<&str> =
            name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.as_str()).collect();
        let key = fold(&parts.join("."));
        if !self.is_defined(&key) {
            self.reads.push(key);
        }
    }

    fn is_defined(&self, key: &str) -> bool {
        self.frames.iter().flat_map(|frame| &frame.defined).any(|defined| **defined == *key)
    }
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let mut frame = Frame::default();
        if let Some(with) = &query.with {
            for cte in &with.cte_tables {
                let key = fold(&cte.alias.name.value);
                if with.recursive {
                    frame.defined.push(key);
                } else {
                    frame.pending.push((std::ptr::from_ref::<Query>(&cte.query) as usize, key));
                }
            }
        }
        // The body is visited behind the definitions, but its `TABLE name` is not visited at all.
        let mut bodies = vec![&*query.body];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::Table(table) => {
                    let Table { table_name, schema_name } = &**table;
                    let parts: Vec<&str> = schema_name.iter().chain(table_name).map(String::as_str).collect();
                    let key = fold(&parts.join("."));
                    if !frame.pending.iter().any(|(_, defined)| *defined == key)
                        && !frame.defined.contains(&key)
                        && !self.is_defined(&key)
                    {
                        self.reads.push(key);
                    }
                }
                SetExpr::SetOperation { left, right, .. } => bodies.extend([&**left, &**right]),
                _ => {}
            }
        }
        self.frames.push(frame);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.frames.pop();
        if let Some(frame) = self.frames.last_mut() {
            let address = std::ptr::from_ref::<Query>(query) as usize;
            let defined = frame.pending.iter().filter(|(at, _)| *at == address).map(|(_, key)| Arc::clone(key));
            frame.defined.extend(defined);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            self.read(name);
        }
        ControlFlow::Continue(())
    }
}
