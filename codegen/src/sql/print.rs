//! Finished queries to text: one clause a line, broken further only where a line would get long.

use std::sync::Arc;

use super::target::Target;
use isomer_ir::SetOpKind;

use super::aggregate::order_suffix;
use super::block::{Attach, Body, Item, MarkedName, Query, Select, SourceKind};
use super::expr::{ExprId, Level, Node, Piece, QueryId, SubqueryKind};
use super::grouping::word_of;
use super::name::quoted;
use super::scope::{Aliases, aliases};
use super::statement::Statement;

/// Widest line that is aimed at, in bytes.
const LINE: usize = 100;
/// Widest select list on the line of its `SELECT`, in bytes, and its most columns.
const SHORT_LIST: usize = 60;
const SHORT_COLUMNS: usize = 4;
pub(super) const STEP: usize = 4;
/// A subquery never stands on one line.
const NEVER_FLAT: usize = 1 << 20;

const RED_ZONE: usize = 64 * 1024;
const STACK_STEP: usize = 1024 * 1024;

/// The text of a statement.
pub(super) fn print(statement: &Statement<'_, '_>, root: QueryId) -> String {
    let aliases = aliases(statement, root);
    let mut printer = Printer { statement, aliases, widths: Vec::new(), out: String::new(), line_start: 0 };
    printer.measure();
    printer.statement(root);
    printer.out
}

/// The text of one expression over columns that stand bare.
pub(super) fn print_expr(statement: &Statement<'_, '_>, expr: ExprId) -> String {
    let mut printer =
        Printer { statement, aliases: Aliases::default(), widths: Vec::new(), out: String::new(), line_start: 0 };
    printer.measure();
    printer.flat(expr, Level::Or);
    printer.out
}

pub(super) struct Printer<'s, 'a, 'p> {
    pub(super) statement: &'s Statement<'a, 'p>,
    aliases: Aliases,
    /// Bytes of each expression on one line.
    widths: Vec<usize>,
    out: String,
    line_start: usize,
}

impl Printer<'_, '_, '_> {
    pub(super) fn dialect(&self) -> Target {
        self.statement.speller.dialect
    }

    fn node(&self, id: ExprId) -> &Node {
        &self.statement.speller.exprs[id]
    }

    pub(super) fn put(&mut self, text: &str) {
        self.out.push_str(text);
        if let Some(position) = text.rfind('\n') {
            self.line_start = self.out.len() - (text.len() - position - 1);
        }
    }

    pub(super) fn new_line(&mut self, indent: usize) {
        self.out.push('\n');
        self.line_start = self.out.len();
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn column(&self) -> usize {
        self.out.len() - self.line_start
    }

    /// Works out the width of every expression, operands first.
    fn measure(&mut self) {
        let exprs = &self.statement.speller.exprs;
        for index in 0..exprs.len() {
            let width = match exprs.at(index) {
                Node::Field { source, column } => {
                    let source_of = self.statement.sources.get(source.0 as usize);
                    let name = source_of.and_then(|source| source.names.get(column)).map_or(0, String::len);
                    name + self.aliases.get(source).map_or(0, |alias| alias.len() + 1)
                }
                Node::Pieces { pieces, .. } => pieces.iter().fold(0, |sum: usize, piece| {
                    sum.saturating_add(match piece {
                        Piece::Text(text) => text.len(),
                        Piece::Expr(id, least) => self.width(*id, *least),
                    })
                }),
                Node::Junction { operands, .. } => {
                    operands.iter().fold(0, |sum: usize, &id| sum.saturating_add(self.width(id, Level::Not) + 5))
                }
                Node::Case { branches, otherwise } => {
                    let branches = branches.iter().fold(8, |sum: usize, &(when, then)| {
                        sum.saturating_add(self.width(when, Level::Or)).saturating_add(self.width(then, Level::Or) + 12)
                    });
                    branches.saturating_add(otherwise.map_or(0, |id| self.width(id, Level::Or) + 6))
                }
                Node::InList { arg, list, .. } => list.iter().fold(self.width(*arg, Level::Concat) + 10, |sum, &id| {
                    sum.saturating_add(self.width(id, Level::Or) + 2)
                }),
                Node::Subquery { .. } => NEVER_FLAT,
            };
            self.widths.push(width);
        }
    }

    fn width(&self, id: ExprId, least: Level) -> usize {
        let parentheses = if self.statement.speller.exprs.level(id) < least { 2 } else { 0 };
        self.widths[id.index()].saturating_add(parentheses)
    }

    fn statement(&mut self, root: QueryId) {
        if self.with_list(None, 0) {
            self.new_line(0);
        }
        self.query(root, 0);
    }

    pub(super) fn query(&mut self, id: QueryId, indent: usize) {
        stacker::maybe_grow(RED_ZONE, STACK_STEP, || self.query_here(id, indent));
    }

    fn query_here(&mut self, id: QueryId, indent: usize) {
        let query = &self.statement.queries[id.0 as usize];
        match &query.body {
            Body::Select(select) => self.select(select, indent),
            Body::Set { kind, branches } => {
                for (i, &branch) in branches.iter().enumerate() {
                    if i > 0 {
                        self.new_line(indent);
                        self.put(set_word(*kind));
                        self.new_line(indent);
                    }
                    self.query(branch, indent);
                }
            }
        }
        self.order(query, indent);
        let limit = match query.limit {
            None | Some((0, None)) => return,
            Some((0, Some(fetch))) => format!("LIMIT {fetch}"),
            Some((skip, None)) => format!("OFFSET {skip}"),
            Some((skip, Some(fetch))) => format!("LIMIT {fetch} OFFSET {skip}"),
        };
        self.new_line(indent);
        self.put(&limit);
    }

    fn order(&mut self, query: &Query, indent: usize) {
        if query.order.is_empty() {
            return;
        }
        self.new_line(indent);
        self.put("ORDER BY ");
        for (i, key) in query.order.iter().enumerate() {
            if i > 0 {
                self.put(", ");
            }
            match self.output_name(&query.body, key.expr) {
                Some(name) => self.put(&name),
                None => self.expr(key.expr, Level::Or, indent),
            }
            let suffix = order_suffix(key.is_descending, key.is_nulls_first, self.dialect());
            self.put(suffix);
        }
    }

    /// The name of the output column that an order key is, where it is not a bare column anyway.
    fn output_name(&self, body: &Body, expr: ExprId) -> Option<String> {
        let Body::Select(select) = body else { return None };
        let (_, name) = select.columns.iter().find(|(column, _)| *column == expr)?;
        if name.is_empty() {
            return None;
        }
        let is_unique = select.columns.iter().filter(|(_, other)| other.eq_ignore_ascii_case(name)).count() == 1;
        is_unique.then(|| quoted(name, self.dialect()))
    }

    fn select(&mut self, select: &Select, indent: usize) {
        self.put(if select.is_distinct { "SELECT DISTINCT" } else { "SELECT" });
        self.columns(&select.columns, indent);
        self.from(&select.items, indent);
        self.conjuncts("WHERE ", &select.filter, indent);
        if !select.sets.is_empty() {
            self.grouping_sets(&select.group, &select.sets, indent);
        } else if !select.group.is_empty() {
            self.new_line(indent);
            self.put("GROUP BY ");
            for (i, &key) in select.group.iter().enumerate() {
                if i > 0 && self.column() + self.width(key, Level::Or) > LINE {
                    self.put(",");
                    self.new_line(indent + STEP);
                } else if i > 0 {
                    self.put(", ");
                }
                self.expr(key, Level::Or, indent + STEP);
            }
        }
        self.conjuncts("HAVING ", &select.having, indent);
        self.conjuncts("QUALIFY ", &select.qualify, indent);
    }

    fn grouping_sets(&mut self, keys: &[ExprId], sets: &[Vec<u32>], indent: usize) {
        self.new_line(indent);
        self.put("GROUP BY ");
        if let Some(word) = word_of(sets, keys.len()) {
            self.put(word);
            self.put(" (");
            self.list(keys, indent);
        } else {
            self.put("GROUPING SETS (");
            for (i, set) in sets.iter().enumerate() {
                self.put(if i > 0 { ", (" } else { "(" });
                let keys: Vec<ExprId> = set.iter().map(|&key| keys[key as usize]).collect();
                self.list(&keys, indent);
                self.put(")");
            }
        }
        self.put(")");
    }

    fn list(&mut self, exprs: &[ExprId], indent: usize) {
        for (i, &expr) in exprs.iter().enumerate() {
            self.put(if i > 0 { ", " } else { "" });
            self.expr(expr, Level::Or, indent + STEP);
        }
    }

    fn columns(&mut self, columns: &[(ExprId, Arc<str>)], indent: usize) {
        let labels: Vec<Option<String>> = columns.iter().map(|(expr, name)| self.label(*expr, name)).collect();
        let total = columns.iter().zip(&labels).fold(0_usize, |sum, ((expr, _), label)| {
            sum.saturating_add(self.width(*expr, Level::Or))
                .saturating_add(label.as_ref().map_or(2, |label| label.len() + 6))
        });
        let is_short = total <= SHORT_LIST && columns.len() <= SHORT_COLUMNS;
        for (i, ((expr, _), label)) in columns.iter().zip(&labels).enumerate() {
            if i > 0 {
                self.put(",");
            }
            if is_short {
                self.put(" ");
            } else {
                self.new_line(indent + STEP);
            }
            self.expr(*expr, Level::Or, indent + STEP);
            if let Some(label) = label {
                self.put(" AS ");
                self.put(label);
            }
        }
    }

    /// The output name, where there is one and it is not the name of the column that is shown.
    fn label(&self, expr: ExprId, name: &str) -> Option<String> {
        if name.is_empty() {
            return None;
        }
        let name = quoted(name, self.dialect());
        if let Node::Field { source, column } = self.node(expr)
            && self.statement.sources[source.0 as usize].names.get(column) == Some(&name)
        {
            return None;
        }
        Some(name)
    }

    fn from(&mut self, items: &[Item], indent: usize) {
        for (i, item) in items.iter().enumerate() {
            self.new_line(indent);
            if i == 0 {
                self.put("FROM ");
                self.source(item, indent);
                continue;
            }
            self.put(match (item.attach, item.on.is_empty()) {
                (Attach::Inner, true) => "CROSS JOIN ",
                (Attach::Inner, false) => "JOIN ",
                (Attach::Left, _) => "LEFT JOIN ",
                (Attach::Full, _) => "FULL JOIN ",
                (Attach::AsofInner, _) => "ASOF JOIN ",
                (Attach::AsofLeft, _) => "ASOF LEFT JOIN ",
            });
            self.source(item, indent);
            if item.on.is_empty() {
                if item.attach != Attach::Inner {
                    self.put(" ON TRUE");
                }
                continue;
            }
            let width = item.on.iter().fold(4, |sum: usize, &on| sum.saturating_add(self.width(on, Level::Not) + 5));
            let is_short = self.column() + width <= LINE;
            for (i, &on) in item.on.iter().enumerate() {
                if is_short {
                    self.put(" ");
                } else {
                    self.new_line(indent + STEP);
                }
                self.put(if i == 0 { "ON " } else { "AND " });
                let least = if item.on.len() > 1 { Level::Not } else { Level::Or };
                self.expr(on, least, indent + STEP);
            }
        }
    }

    fn source(&mut self, item: &Item, indent: usize) {
        let source = &self.statement.sources[item.source.0 as usize];
        match &source.kind {
            SourceKind::Table(name) => self.put(name),
            SourceKind::Work { name, .. } => {
                let name = quoted(name, self.dialect());
                self.put(&name);
            }
            SourceKind::Marked { name, words, is_volatile: _ } => {
                match name {
                    MarkedName::Table(name) => self.put(name),
                    MarkedName::Cte(cte) => {
                        let name = quoted(&self.statement.ctes[*cte].name, self.dialect());
                        self.put(&name);
                    }
                }
                self.put(" ");
                self.put(words);
            }
            SourceKind::Cte(cte) => {
                let name = quoted(&self.statement.ctes[*cte].name, self.dialect());
                self.put(&name);
            }
            SourceKind::Output => {}
            SourceKind::Values { rows, names } => {
                self.put("(VALUES");
                for (i, row) in rows.iter().enumerate() {
                    if i > 0 {
                        self.put(",");
                    }
                    self.new_line(indent + STEP);
                    self.put("(");
                    for (j, &value) in row.iter().enumerate() {
                        if j > 0 {
                            self.put(", ");
                        }
                        self.expr(value, Level::Or, indent + STEP);
                    }
                    self.put(")");
                }
                self.new_line(indent);
                let alias = self.aliases.get(&item.source).cloned().unwrap_or_else(|| "v".to_owned());
                let names: Vec<String> = names.iter().map(|name| quoted(name, self.dialect())).collect();
                self.put(&format!(") AS {alias}({})", names.join(", ")));
                return;
            }
        }
        if let Some(alias) = self.aliases.get(&item.source).cloned()
            && !self.out.ends_with(&format!(" {alias}"))
        {
            self.put(" AS ");
            self.put(&alias);
        }
    }

    fn conjuncts(&mut self, word: &str, conjuncts: &[ExprId], indent: usize) {
        let least = if conjuncts.len() > 1 { Level::Not } else { Level::Or };
        for (i, &conjunct) in conjuncts.iter().enumerate() {
            self.new_line(indent);
            if i == 0 {
                self.put(word);
            } else {
                self.put("  AND ");
            }
            self.expr(conjunct, least, indent + 2);
        }
    }

    /// Writes an expression, over several lines where it does not fit on the rest of this one.
    fn expr(&mut self, id: ExprId, least: Level, indent: usize) {
        stacker::maybe_grow(RED_ZONE, STACK_STEP, || {
            if self.column().saturating_add(self.width(id, least)) <= LINE {
                self.flat_here(id, least);
            } else {
                self.broken(id, least, indent);
            }
        });
    }

    fn flat(&mut self, id: ExprId, least: Level) {
        stacker::maybe_grow(RED_ZONE, STACK_STEP, || self.flat_here(id, least));
    }

    fn flat_here(&mut self, id: ExprId, least: Level) {
        let statement = self.statement;
        let is_wrapped = statement.speller.exprs.level(id) < least;
        if is_wrapped {
            self.put("(");
        }
        match &statement.speller.exprs[id] {
            Node::Field { source, column } => self.field(*source, *column),
            Node::Pieces { pieces, .. } => {
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => self.put(text),
                        Piece::Expr(id, least) => self.flat(*id, *least),
                    }
                }
            }
            Node::Junction { is_and, operands } => {
                for (i, &operand) in operands.iter().enumerate() {
                    if i > 0 {
                        self.put(if *is_and { " AND " } else { " OR " });
                    }
                    self.flat(operand, Level::Not);
                }
            }
            Node::Case { branches, otherwise } => {
                self.put("CASE");
                for &(when, then) in branches {
                    self.put(" WHEN ");
                    self.flat(when, Level::Or);
                    self.put(" THEN ");
                    self.flat(then, Level::Or);
                }
                if let Some(otherwise) = otherwise {
                    self.put(" ELSE ");
                    self.flat(*otherwise, Level::Or);
                }
                self.put(" END");
            }
            Node::InList { arg, list, is_negated } => {
                self.flat(*arg, Level::Concat);
                self.put(if *is_negated { " NOT IN (" } else { " IN (" });
                for (i, &entry) in list.iter().enumerate() {
                    if i > 0 {
                        self.put(", ");
                    }
                    self.flat(entry, Level::Or);
                }
                self.put(")");
            }
            Node::Subquery { kind, query } => {
                let indent = self.line_indent();
                self.subquery(*kind, *query, indent);
            }
        }
        if is_wrapped {
            self.put(")");
        }
    }

    fn field(&mut self, source: super::expr::SourceId, column: isomer_ir::ColumnId) {
        let statement = self.statement;
        if let Some(alias) = self.aliases.get(&source).cloned() {
            self.put(&alias);
            self.put(".");
        }
        match statement.sources.get(source.0 as usize).and_then(|source| source.names.get(&column)) {
            Some(name) => self.put(name),
            // Only `scalar_to_sql` has columns of no relation.
            None => {
                let name = quoted(statement.speller.arena.hint(column), self.dialect());
                self.put(&name);
            }
        }
    }

    fn line_indent(&self) -> usize {
        self.out[self.line_start..].bytes().take_while(|byte| *byte == b' ').count()
    }

    fn broken(&mut self, id: ExprId, least: Level, indent: usize) {
        let statement = self.statement;
        let is_wrapped = statement.speller.exprs.level(id) < least;
        match &statement.speller.exprs[id] {
            Node::Field { .. } => self.flat_here(id, least),
            Node::Pieces { pieces, .. } => {
                if is_wrapped {
                    self.put("(");
                }
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => self.put(text),
                        Piece::Expr(id, least) => self.expr(*id, *least, indent),
                    }
                }
                if is_wrapped {
                    self.put(")");
                }
            }
            Node::Junction { is_and, operands } => {
                let inner = if is_wrapped { indent + STEP } else { indent };
                if is_wrapped {
                    self.put("(");
                    self.new_line(inner);
                }
                for (i, &operand) in operands.iter().enumerate() {
                    if i > 0 {
                        self.new_line(inner);
                        self.put(if *is_and { "AND " } else { "OR " });
                    }
                    self.expr(operand, Level::Not, inner);
                }
                if is_wrapped {
                    self.new_line(indent);
                    self.put(")");
                }
            }
            Node::Case { branches, otherwise } => {
                self.put("CASE");
                for &(when, then) in branches {
                    self.new_line(indent + STEP);
                    self.put("WHEN ");
                    self.expr(when, Level::Or, indent + STEP);
                    self.put(" THEN ");
                    self.expr(then, Level::Or, indent + STEP);
                }
                if let Some(otherwise) = otherwise {
                    self.new_line(indent + STEP);
                    self.put("ELSE ");
                    self.expr(*otherwise, Level::Or, indent + STEP);
                }
                self.new_line(indent);
                self.put("END");
            }
            Node::InList { arg, list, is_negated } => {
                if is_wrapped {
                    self.put("(");
                }
                self.expr(*arg, Level::Concat, indent);
                self.put(if *is_negated { " NOT IN (" } else { " IN (" });
                self.new_line(indent + STEP);
                for (i, &entry) in list.iter().enumerate() {
                    if i > 0 {
                        self.put(",");
                        if self.column() + self.width(entry, Level::Or) + 2 > LINE {
                            self.new_line(indent + STEP);
                        } else {
                            self.put(" ");
                        }
                    }
                    self.flat(entry, Level::Or);
                }
                self.new_line(indent);
                self.put(if is_wrapped { "))" } else { ")" });
            }
            Node::Subquery { kind, query } => {
                if is_wrapped {
                    self.put("(");
                }
                self.subquery(*kind, *query, indent);
                if is_wrapped {
                    self.put(")");
                }
            }
        }
    }

    fn subquery(&mut self, kind: SubqueryKind, query: QueryId, indent: usize) {
        match kind {
            SubqueryKind::Exists { is_negated } => self.put(if is_negated { "NOT EXISTS (" } else { "EXISTS (" }),
            SubqueryKind::In { arg, is_negated } => {
                self.expr(arg, Level::Concat, indent);
                self.put(if is_negated { " NOT IN (" } else { " IN (" });
            }
            SubqueryKind::Scalar => self.put("("),
        }
        self.new_line(indent + STEP);
        self.query(query, indent + STEP);
        self.new_line(indent);
        self.put(")");
    }
}

pub(super) fn set_word(kind: SetOpKind) -> &'static str {
    match kind {
        SetOpKind::UnionAll => "UNION ALL",
        SetOpKind::Union => "UNION",
        SetOpKind::Intersect => "INTERSECT",
        SetOpKind::IntersectAll => "INTERSECT ALL",
        SetOpKind::Except => "EXCEPT",
        SetOpKind::ExceptAll => "EXCEPT ALL",
    }
}
