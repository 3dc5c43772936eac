//! What the symbols of a rule stand for in one instance: tables, columns, predicates and functions.
//!
//! Equal symbols stand for one thing, others for different things. A list of columns holds columns of
//! its own and those of the lists drawn from it; the keys of joins hold their own alone.

use std::collections::{BTreeMap, BTreeSet};

use super::term::{Constraint, Found, Kind, Symbol, Term};

/// How many columns a list has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// One.
    One,
    /// Two.
    Two,
    /// One, and in each table it is the same for all lists.
    Same,
}

/// Which functions stand for those of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Functions {
    /// `min` and `max`.
    Extremes,
    /// `count(DISTINCT)` and `sum(DISTINCT)`.
    Distinct,
    /// `count` and `sum`.
    Counting,
}

/// What an instance chooses.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Columns of a list.
    pub width: Width,
    /// Which of the predicates comes first.
    pub preds: usize,
    /// The functions.
    pub functions: Functions,
    /// Whether what is unique is never NULL either.
    pub is_key_filled: bool,
}

const PREDICATES: [(&str, &str); 7] = [
    ("{a} > 0", "{a} > {b}"),
    ("{a} IS NULL", "{b} IS NULL"),
    ("{a} = 1 OR {a} IS NULL", "{a} = 1 OR {b} IS NULL"),
    ("{a} IS DISTINCT FROM 0", "{a} IS DISTINCT FROM {b}"),
    ("{a} < 1", "{b} < 1"),
    ("{a} IN (1, 2)", "{a} IN (1, 2) AND {b} < 2"),
    ("coalesce({a}, 2) = 2", "coalesce({a}, 2) = 2 OR {b} = 0"),
];

/// The symbols of a rule in one instance.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) choice: Choice,
    /// What each symbol is equal to: the least of its class.
    leaders: BTreeMap<Symbol, Symbol>,
    /// The symbol of the left side that one of the right side stands for.
    origins: BTreeMap<Symbol, Symbol>,
    /// The table or schema that columns are drawn from.
    sources: BTreeMap<Symbol, Symbol>,
    /// The lists that make a schema: those projected, or those grouped by with the function's.
    schemas: BTreeMap<Symbol, (Symbol, Option<Symbol>)>,
    columns: BTreeMap<Symbol, Vec<String>>,
    pub(super) tables: BTreeMap<Symbol, Vec<String>>,
    constraints: Vec<Constraint>,
}

impl Frame {
    /// Gives the symbols of a rule something to stand for. `links` are the equalities as the rule has
    /// them, by which symbols of the right side are told apart even where they are not equal any more.
    pub(super) fn new(rule: &Found, links: &[Constraint], choice: Choice) -> Self {
        let terms = [&rule.left, &rule.right];
        let [left_symbols, _] = terms.map(symbols);
        let mut origins = BTreeMap::new();
        for link in links.iter().filter(|link| link.kind.is_equality()) {
            let [one, other] = [&link.symbols[0], &link.symbols[1]];
            for (from, to) in [(one, other), (other, one)] {
                if !left_symbols.contains(from) && left_symbols.contains(to) {
                    origins.entry(from.clone()).or_insert_with(|| to.clone());
                }
            }
        }
        let mut sources: BTreeMap<Symbol, Symbol> = BTreeMap::new();
        for constraint in links.iter().filter(|constraint| constraint.kind == Kind::AttrsSub) {
            sources.entry(constraint.symbols[0].clone()).or_insert_with(|| constraint.symbols[1].clone());
        }
        for (right, left) in &origins {
            if let Some(source) = sources.get(left).cloned() {
                sources.entry(right.clone()).or_insert(source);
            }
        }
        let mut frame = Self {
            choice,
            leaders: BTreeMap::new(),
            origins,
            sources,
            schemas: BTreeMap::new(),
            columns: BTreeMap::new(),
            tables: BTreeMap::new(),
            constraints: rule.constraints.clone(),
        };
        frame.equate(rule);
        for operator in rule.left.all() {
            match operator {
                Term::Proj { attrs, schema, .. } => frame.schemas.insert(schema.clone(), (attrs.clone(), None)),
                Term::Agg { group, arg, schema, .. } => {
                    frame.schemas.insert(schema.clone(), (group.clone(), Some(arg.clone())))
                }
                _ => None,
            };
        }
        frame.fill(rule);
        frame
    }

    fn equate(&mut self, rule: &Found) {
        let mut parents: BTreeMap<Symbol, Symbol> = BTreeMap::new();
        for symbol in [&rule.left, &rule.right].into_iter().flat_map(symbols) {
            parents.insert(symbol.clone(), symbol);
        }
        for constraint in rule.constraints.iter().filter(|constraint| constraint.kind.is_equality()) {
            let [one, other] = [0, 1].map(|at| parents.get(&constraint.symbols[at]).cloned());
            let (Some(one), Some(other)) = (one, other) else { continue };
            let (least, most) = if one < other { (one, other) } else { (other, one) };
            parents.values_mut().filter(|leader| **leader == most).for_each(|leader| leader.clone_from(&least));
        }
        self.leaders = parents;
    }

    pub(super) fn leader(&self, symbol: &Symbol) -> Symbol {
        self.leaders.get(symbol).unwrap_or(symbol).clone()
    }

    /// The symbol of the left side that a symbol stands for, or itself.
    pub(super) fn origin(&self, symbol: &Symbol) -> Symbol {
        self.origins.get(symbol).unwrap_or(symbol).clone()
    }

    /// The columns that a list stands for.
    pub(super) fn columns(&self, attrs: &Symbol) -> &[String] {
        self.columns.get(&self.leader(attrs)).map_or(&[], Vec::as_slice)
    }

    /// The name of a result of a function; `arg` is what the function of the left side reads.
    pub(super) fn result(arg: &Symbol, at: usize) -> String {
        format!("v_{arg}_{at}")
    }

    /// Where columns are drawn from: the nearest first, a table last.
    pub(super) fn source_chain(&self, attrs: &Symbol) -> Vec<Symbol> {
        let mut chain = Vec::new();
        let mut at = self.sources.get(attrs);
        while let Some(source) = at {
            if chain.contains(source) {
                break;
            }
            chain.push(source.clone());
            at = self.schemas.get(source).and_then(|(attrs, _)| self.sources.get(attrs));
        }
        chain
    }

    /// Classes of lists from which a class is drawn, with the tables at their end.
    fn ancestors(&self, class: &Symbol) -> (Vec<Symbol>, BTreeSet<Symbol>) {
        let (mut found, mut tables, mut at) = (vec![class.clone()], BTreeSet::new(), 0);
        while at < found.len() {
            let members: Vec<&Symbol> = self.sources.keys().filter(|one| self.leader(one) == found[at]).collect();
            for source in members.into_iter().map(|member| self.sources[member].clone()) {
                match self.schemas.get(&source) {
                    Some((attrs, _)) if !found.contains(&self.leader(attrs)) => found.push(self.leader(attrs)),
                    Some(_) => {}
                    None => {
                        tables.insert(self.leader(&source));
                    }
                }
            }
            at += 1;
        }
        found.remove(0);
        (found, tables)
    }

    fn fill(&mut self, rule: &Found) {
        let mut fixed: BTreeSet<Symbol> = BTreeSet::new();
        let mut exact: BTreeSet<Symbol> = BTreeSet::new();
        for operator in [&rule.left, &rule.right].into_iter().flat_map(Term::all) {
            match operator {
                Term::Join { keys, .. } => fixed.extend(keys.iter().map(|key| self.leader(key))),
                Term::InSub { attrs, inputs } => {
                    fixed.insert(self.leader(attrs));
                    match &inputs[1] {
                        Term::Input(table) => exact.extend([self.leader(table)]),
                        Term::Proj { attrs, .. } => fixed.extend([self.leader(attrs)]),
                        _ => {}
                    }
                }
                Term::Input(table) => {
                    self.tables.entry(self.leader(table)).or_default();
                }
                _ => {}
            }
        }
        let classes: BTreeSet<Symbol> = self.sources.keys().map(|attrs| self.leader(attrs)).collect();
        let lines: BTreeMap<Symbol, (Vec<Symbol>, BTreeSet<Symbol>)> =
            classes.iter().map(|class| (class.clone(), self.ancestors(class))).collect();
        let n_own = if self.choice.width == Width::Two { 2 } else { 1 };
        let mut base: BTreeMap<Symbol, Vec<String>> = BTreeMap::new();
        for (at, class) in classes.iter().enumerate() {
            let name = if self.choice.width == Width::Same { "c".to_owned() } else { format!("c{at}") };
            base.insert(class.clone(), (0..n_own).map(|part| format!("{name}_{part}")).collect());
        }
        // A list drawn from the key of a join holds that key.
        let own = base.clone();
        for class in &classes {
            if let Some(key) = lines[class].0.iter().rev().find(|ancestor| fixed.contains(*ancestor)) {
                base.insert(class.clone(), own[key].clone());
            }
        }
        let mut columns = base.clone();
        for class in &classes {
            let (ancestors, tables) = &lines[class];
            for ancestor in ancestors.iter().filter(|ancestor| !fixed.contains(*ancestor)) {
                add(columns.entry(ancestor.clone()).or_default(), &base[class]);
            }
            for table in tables {
                add(self.tables.entry(table.clone()).or_default(), &base[class]);
            }
        }
        self.columns = columns;
        self.add_results(&fixed);
        self.set_apart(&base);
        // A table of the right side that stands for no other any more has the columns of the one it stood for.
        let apart: Vec<(Symbol, Symbol)> = self
            .origins
            .iter()
            .map(|(right, left)| (self.leader(right), self.leader(left)))
            .filter(|(right, left)| right != left)
            .collect();
        for (right, left) in apart {
            let columns = self.tables.get(&left).cloned().unwrap_or_default();
            self.tables.entry(right).and_modify(|own| add(own, &columns));
        }
        for (table, columns) in &mut self.tables {
            if exact.contains(table) && columns.is_empty() {
                columns.extend((0..n_own).map(|part| format!("e_{part}")));
            } else {
                columns.push("z".to_owned());
            }
        }
    }

    /// A list of the right side that stands for no other any more differs from the one it stood for in
    /// that one's own columns: what is drawn from it is still there.
    fn set_apart(&mut self, base: &BTreeMap<Symbol, Vec<String>>) {
        for (right, left) in &self.origins {
            let [own, other] = [right, left].map(|symbol| self.leader(symbol));
            let (Some(fresh), Some(old)) = (base.get(&own), base.get(&other)) else { continue };
            if own == other || self.origins.values().any(|left| self.leader(left) == own) {
                continue;
            }
            let changed = self.columns(&other).iter().map(|column| match old.iter().position(|one| one == column) {
                Some(at) => fresh.get(at).unwrap_or(column).clone(),
                None => column.clone(),
            });
            let changed: Vec<String> = changed.collect();
            self.columns.insert(own, changed);
        }
    }

    /// Lists that are drawn from groups hold the function's results too, unless they are what is grouped by.
    fn add_results(&mut self, fixed: &BTreeSet<Symbol>) {
        let drawn: Vec<(Symbol, Symbol, Symbol)> = self
            .sources
            .iter()
            .filter_map(|(attrs, source)| match self.schemas.get(source) {
                Some((group, Some(arg))) => Some((self.leader(attrs), self.leader(group), arg.clone())),
                _ => None,
            })
            .collect();
        for (class, group, arg) in drawn {
            if class != group && !fixed.contains(&class) {
                let results: Vec<String> = (0..self.columns(&arg).len()).map(|at| Self::result(&arg, at)).collect();
                add(self.columns.entry(class).or_default(), &results);
            }
        }
    }

    fn nth(&self, symbol: &Symbol) -> usize {
        let kind = symbol.chars().next();
        let leaders: BTreeSet<&Symbol> = self.leaders.values().filter(|leader| leader.chars().next() == kind).collect();
        leaders.into_iter().position(|leader| *leader == self.leader(symbol)).unwrap_or(0)
    }

    /// The predicate that a symbol stands for, of values.
    pub(super) fn predicate(&self, pred: &Symbol, values: &[String]) -> String {
        let (narrow, wide) = PREDICATES[(self.nth(pred) + self.choice.preds) % PREDICATES.len()];
        let (Some(first), Some(last)) = (values.first(), values.last()) else { return "TRUE".to_owned() };
        let text = if first == last { narrow } else { wide };
        text.replace("{a}", first).replace("{b}", last)
    }

    /// The function that a symbol stands for, of a value.
    pub(super) fn function(&self, func: &Symbol, value: &str) -> String {
        let functions = match self.choice.functions {
            Functions::Extremes => ["min(", "max("],
            Functions::Distinct => ["count(DISTINCT ", "sum(DISTINCT "],
            Functions::Counting => ["count(", "sum("],
        };
        format!("{}{value})", functions[(self.nth(func) + self.choice.preds) % 2])
    }

    /// The tables as `CREATE TABLE`, with what they obey.
    pub(super) fn schema(&self) -> String {
        let mut text = String::new();
        for (table, columns) in &self.tables {
            let of = |constraint: &&Constraint| self.leader(&constraint.symbols[0]) == *table;
            let mut filled: BTreeSet<&String> = BTreeSet::new();
            let mut clauses: BTreeSet<String> = BTreeSet::new();
            for constraint in self.constraints.iter().filter(of) {
                let lists: Vec<&[String]> =
                    constraint.symbols.iter().skip(1).step_by(2).map(|attrs| self.columns(attrs)).collect();
                match constraint.kind {
                    Kind::NotNull => filled.extend(lists[0]),
                    Kind::Unique => {
                        clauses.insert(format!("UNIQUE ({})", lists[0].join(", ")));
                        filled.extend(if self.choice.is_key_filled { lists[0] } else { &[] });
                    }
                    Kind::Reference => {
                        clauses.insert(format!(
                            "FOREIGN KEY ({}) REFERENCES {} ({})",
                            lists[0].join(", "),
                            self.leader(&constraint.symbols[2]),
                            lists[1].join(", ")
                        ));
                    }
                    _ => {}
                }
            }
            let columns = columns
                .iter()
                .map(|column| format!("{column} INTEGER{}", if filled.contains(column) { " NOT NULL" } else { "" }));
            let parts: Vec<String> = columns.chain(clauses).collect();
            text.push_str(&format!("CREATE TABLE {table} ({});\n", parts.join(", ")));
        }
        text
    }
}

fn add(columns: &mut Vec<String>, more: &[String]) {
    for column in more {
        if !columns.contains(column) {
            columns.push(column.clone());
        }
    }
}

/// Every symbol of a term.
pub(super) fn symbols(term: &Term) -> Vec<Symbol> {
    let mut found = Vec::new();
    for operator in term.all() {
        match operator {
            Term::Input(table) => found.push(table),
            Term::Proj { attrs, schema, .. } => found.extend([attrs, schema]),
            Term::Filter { pred, attrs, .. } => found.extend([pred, attrs]),
            Term::Join { keys, .. } => found.extend(keys),
            Term::InSub { attrs, .. } => found.push(attrs),
            Term::Agg { group, arg, func, schema, having, .. } => {
                found.extend([group, arg, func, schema, having]);
            }
            Term::Union { .. } => {}
        }
    }
    found.into_iter().cloned().collect()
}
