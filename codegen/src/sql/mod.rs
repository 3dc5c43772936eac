//! SQL: plans and scalars spelled for one dialect, as a person would write them.
//!
//! A plan becomes a graph of its operators ([`dag`]), each operator a clause of a `SELECT`
//! ([`build`], [`join`]) whose scalars are spelled for the dialect ([`spell`] and the files beside
//! it), and the finished queries become text ([`print`]).

mod aggregate;
mod asof;
mod block;
mod build;
mod dag;
mod expr;
mod from;
mod full_join;
mod function;
mod grouping;
mod join;
mod listed;
mod literal;
mod marked;
mod multiset;
mod name;
mod pattern;
mod print;
mod recursion;
mod scope;
mod spell;
mod statement;
mod target;
mod temporal;
mod totals;
mod types;
mod unnest;
mod with_list;

use std::sync::Arc;

use isomer_ir::{Arena, Catalog, ColumnId, Dialect, Output, ScalarId};

use self::block::Env;
use self::dag::Dag;
use self::expr::{Node, SourceId};
use self::spell::Speller;
use self::statement::{Statement, compares_rows};
use self::target::Target;
use crate::CodegenError;

pub use self::types::type_name;

/// The SQL of an output: one statement without a semicolon, its columns named and ordered as the
/// output says. Rows are in the plan's order where its root is a `Sort` or a `Limit` over one.
///
/// The text is the same for the same plan, and says what the plan means without leaning on defaults
/// in which the dialects differ.
///
/// # Errors
///
/// A [`CodegenError`] that names the construct which the dialect cannot say.
pub fn to_sql(output: &Output, arena: &mut Arena, catalog: &Catalog, dialect: Dialect) -> Result<String, CodegenError> {
    let dialect = Target::of(dialect)?;
    let plan = multiset::prepared(&output.plan, arena, dialect);
    let plan = totals::prepared(plan, arena, dialect);
    let demand: Vec<ColumnId> = output.columns.iter().map(|column| column.column).collect();
    let dag = Dag::new(&plan, &demand, arena);
    let tables = plan.tables();
    let mut statement = Statement::new(Speller::new(arena, dialect), catalog, dag, &tables);
    let mut block = statement.build(statement.dag.root)?;
    let outs: Vec<(ColumnId, Arc<str>)> =
        output.columns.iter().map(|column| (column.column, Arc::clone(&column.name))).collect();
    let is_whole = block.is_distinct || block.set.as_ref().is_some_and(|set| compares_rows(set.kind));
    if is_whole && !block.env.keys().all(|id| demand.contains(id)) || outs.is_empty() && block.set.is_some() {
        block = wrap_ordered(&mut statement, block)?;
    }
    if outs.iter().enumerate().any(|(i, (id, _))| {
        let is_again = outs[..i].iter().any(|(other, _)| other == id);
        is_again && block.env.get(id).is_some_and(|&expr| statement.speller.exprs.facts(expr).is_volatile)
    }) {
        // One value under two names is drawn once.
        block = wrap_ordered(&mut statement, block)?;
    }
    if block.set.is_some() && !statement.covers_order(&block, &outs) {
        block = wrap_ordered(&mut statement, block)?;
    }
    if dialect == Target::DataFusion && block.limit.is_some() {
        let names = statement.hidden_names_of_order(&block);
        if outs.iter().any(|(_, out)| names.iter().any(|name| name.eq_ignore_ascii_case(out))) {
            // DataFusion 54 refuses `ORDER BY t.a` beside an output `a` that is another value.
            block = wrap_ordered(&mut statement, block)?;
        }
    }
    let root = statement.finish(block, &outs)?;
    let is_drawn_again = matches!(dialect, Target::DataFusion | Target::Spark);
    if let Some(cte) =
        statement.ctes.iter().find(|cte| cte.is_volatile && cte.n_readers > 1 && (is_drawn_again || cte.is_recursive))
    {
        let construct = format!("`{}`, which is random and read more than once,", cte.name);
        return Err(statement.speller.refuse("GEN-0031", construct, "keep it as a table of its own"));
    }
    Ok(print::print(&statement, root))
}

/// Wraps a block and orders what is read of it as the block was.
fn wrap_ordered(statement: &mut Statement<'_, '_>, block: block::Block) -> Result<block::Block, CodegenError> {
    let order = block.order.clone();
    let ids: Vec<Option<ColumnId>> =
        order.iter().map(|key| block.env.iter().find(|(_, expr)| **expr == key.expr).map(|(id, _)| *id)).collect();
    let mut wrapped = statement.wrap(block, None)?;
    for (key, id) in order.into_iter().zip(ids) {
        if let Some(id) = id {
            let expr = statement.speller.look_up(&wrapped.env, id)?;
            wrapped.order.push(block::Order { expr, ..key });
        }
    }
    Ok(wrapped)
}

/// The SQL of one scalar on one line, its columns named by their hints; for people, who see it
/// beside the plan.
///
/// # Errors
///
/// A [`CodegenError`] that names the construct which the dialect cannot say.
pub fn scalar_to_sql(scalar: ScalarId, arena: &Arena, dialect: Dialect) -> Result<String, CodegenError> {
    let dialect = Target::of(dialect)?;
    let catalog = Catalog::default();
    let mut statement = Statement::new(Speller::new(arena, dialect), &catalog, Dag::empty(), &[]);
    let mut env = Env::default();
    for &column in arena.columns_of(scalar) {
        let field = statement.speller.exprs.add(Node::Field { source: SourceId(u32::MAX), column });
        env.insert(column, field);
    }
    let expr = statement.speller.scalar(&env, scalar)?;
    Ok(print::print_expr(&statement, expr))
}
