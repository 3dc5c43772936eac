//! Discovered rules in our rule language, or why the language cannot say them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isomer_ir::Arena;

use super::frame::{Choice, Frame, Functions, Width};
use super::term::{Found, Kind, Symbol, Term};

/// The rule as text that the rule language reads and compiles.
///
/// Plain projections are left out, because patterns are matched in normal form.
///
/// # Errors
///
/// Why it cannot be said.
pub fn converted(rule: &Found) -> Result<String, String> {
    let choice = Choice { width: Width::One, preds: 0, functions: Functions::Counting, is_key_filled: false };
    let frame = Frame::new(rule, &rule.constraints, choice);
    let mut writer = Writer { frame: &frame, holes: BTreeMap::new() };
    let left = writer.query(&rule.left)?;
    let right = writer.query(&rule.right)?;
    if left == right {
        return Err("both sides have one normal form".to_owned());
    }
    let mut guards: BTreeSet<String> = BTreeSet::new();
    for constraint in &rule.constraints {
        let lists: Vec<&Symbol> = constraint.symbols.iter().skip(1).step_by(2).collect();
        let mut columns = |at: usize| writer.column(lists[at]);
        match constraint.kind {
            Kind::Unique => guards.insert(format!("unique({})", columns(0)?)),
            Kind::NotNull => guards.insert(format!("not_null({})", columns(0)?)),
            Kind::Reference => guards.insert(format!("foreign_key({}, {})", columns(0)?, columns(1)?)),
            _ => false,
        };
    }
    let holes: Vec<String> = writer.holes.iter().map(|(name, sort)| format!("{name} {sort}")).collect();
    let mut text = format!(
        "rule discovered-{}\n  \"{} => {}.\"\n  class exact  phase user\n  for   {}\n  match {left}\n  =>    {right}\n",
        rule.name,
        rule.left,
        rule.right,
        holes.join(", ")
    );
    if !guards.is_empty() {
        text.push_str(&format!("  when  {}\n", guards.into_iter().collect::<Vec<_>>().join(", ")));
    }
    compiles(&text)?;
    Ok(text)
}

/// Whether our own reader and compiler of rules take the text.
fn compiles(text: &str) -> Result<(), String> {
    let (file, mut faults) = isomer_rules::parse(&Arc::from("discovered.rules"), text);
    let (set, found) = isomer_rules::check(file);
    faults.extend(found);
    faults.extend(isomer_frontend::compile_rules(&set, &mut Arena::default()).1);
    let is_fault = |fault: &&isomer_ir::Diagnostic| fault.severity != isomer_ir::Severity::Note;
    faults.iter().find(is_fault).map_or(Ok(()), |fault| Err(format!("{} {}", fault.code, fault.message)))
}

struct Writer<'a> {
    frame: &'a Frame,
    /// What `for` declares: hole and sort.
    holes: BTreeMap<String, String>,
}

impl Writer<'_> {
    fn query(&mut self, term: &Term) -> Result<String, String> {
        let (distinct, shown, input) = match term {
            Term::Proj { attrs, is_distinct, input, .. } => (*is_distinct, Some(attrs), &**input),
            Term::Agg { .. } => return Err("the function is left open".to_owned()),
            Term::Union { .. } => return Err("a union".to_owned()),
            other => (false, None, other),
        };
        let mut conditions = Vec::new();
        let mut tables = Vec::new();
        let from = self.from(input, &mut conditions, &mut tables)?;
        let shown = match shown {
            Some(attrs) => self.column(attrs)?,
            None => {
                let lists: Vec<String> = tables.iter().map(|table| format!("rest_{table}")).collect();
                for (list, table) in lists.iter().zip(&tables) {
                    self.holes.insert(list.clone(), format!("columns of {table}"));
                }
                lists.iter().map(|list| format!("${list}")).collect::<Vec<_>>().join(", ")
            }
        };
        let distinct = if distinct { "DISTINCT " } else { "" };
        Ok(format!("SELECT {distinct}{shown} FROM {from}{}", filter(&conditions)))
    }

    fn from(&mut self, term: &Term, conditions: &mut Vec<String>, tables: &mut Vec<Symbol>) -> Result<String, String> {
        match term {
            Term::Input(table) => {
                let table = self.frame.leader(table);
                if tables.contains(&table) {
                    return Err("a table that is read twice".to_owned());
                }
                tables.push(table.clone());
                self.holes.insert(table.clone(), "table".to_owned());
                Ok(format!("${table}"))
            }
            Term::Proj { is_distinct: false, input, .. } => self.from(input, conditions, tables),
            Term::Proj { .. } => Err("DISTINCT below another operator".to_owned()),
            Term::Agg { .. } => Err("the function is left open".to_owned()),
            Term::Union { .. } => Err("a union".to_owned()),
            Term::Filter { pred, attrs, input } => {
                let from = self.from(input, conditions, tables)?;
                let (pred, table) = (self.frame.leader(pred), self.table(attrs)?);
                self.holes.insert(pred.clone(), "predicate".to_owned());
                let condition = format!("${pred}(${table})");
                if !conditions.contains(&condition) {
                    conditions.push(condition);
                }
                Ok(from)
            }
            Term::Join { is_left, keys, inputs } => {
                let mut below = Vec::new();
                let left = self.from(&inputs[0], conditions, tables)?;
                let right = self.from(&inputs[1], &mut below, tables)?;
                let mut on = vec![format!("{} = {}", self.column(&keys[0])?, self.column(&keys[1])?)];
                if *is_left {
                    on.extend(below);
                } else {
                    conditions.extend(below);
                }
                Ok(format!("{left} {} {right} ON {}", if *is_left { "LEFT JOIN" } else { "JOIN" }, on.join(" AND ")))
            }
            Term::InSub { attrs, inputs } => {
                let from = self.from(&inputs[0], conditions, tables)?;
                let Term::Proj { attrs: other, input, .. } = &inputs[1] else {
                    return Err("a list without a name for its columns".to_owned());
                };
                let mut below = Vec::new();
                let list = self.from(input, &mut below, tables)?;
                let shown = self.column(other)?;
                conditions.push(format!("{} IN (SELECT {shown} FROM {list}{})", self.column(attrs)?, filter(&below)));
                tables.pop();
                Ok(from)
            }
        }
    }

    fn table(&self, attrs: &Symbol) -> Result<Symbol, String> {
        let chain = self.frame.source_chain(&self.frame.leader(attrs));
        chain.last().map(|table| self.frame.leader(table)).ok_or_else(|| format!("{attrs} is of no table"))
    }

    fn column(&mut self, attrs: &Symbol) -> Result<String, String> {
        let (hole, table) = (self.frame.leader(attrs), self.table(attrs)?);
        self.holes.insert(hole.clone(), format!("column of {table}"));
        Ok(format!("${table}.${hole}"))
    }
}

fn filter(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
}
