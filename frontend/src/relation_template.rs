//! Relation templates: `SELECT … => SELECT …` with table, column and predicate holes, bound against
//! symbolic tables.
//!
//! A table hole is a table of its own; the column, predicate and expression holes over it are its
//! columns. So the binder gives a pattern exactly the meaning of its SQL, and the optimizer tells
//! holes by the names of [`isomer_rules::HoleColumn`].

use std::sync::Arc;

use isomer_ir::{Arena, Catalog, Column, DataType, Diagnostic, Dialect, Output, Table, Volatility};
use isomer_rules::{
    Body, Compiled, Hole, HoleColumn, HoleSort, Phase, Rule, SqlText, hole_count, hole_table, list_holes,
};

use crate::bind::bind_query;
use crate::template::fault;
use crate::template_shape::{Side, supported};

type Compile<T> = Result<T, Box<Diagnostic>>;

/// Binds both sides of a rule that rewrites relations: one form for each of the patterns, which are
/// several in a rule that lets models share.
pub(crate) fn compile_relation(
    rule: &Rule,
    pattern: &SqlText,
    template: &SqlText,
    note: Option<&Arc<str>>,
    arena: &mut Arena,
) -> Result<Vec<Compiled>, Vec<Diagnostic>> {
    let (patterns, templates) = (parts(pattern), parts(template));
    paired(rule, template, patterns.len(), templates.len())?;
    let mut holes: Vec<HoleColumn> = Vec::new();
    let texts: Vec<&SqlText> = patterns.iter().chain(&templates).collect();
    let symbols = all(texts.iter().map(|text| with_symbols(rule, text, &mut holes)).collect())?;
    let catalog = symbolic_catalog(rule, &holes);
    let sides = symbols.iter().zip(&texts).map(|(sql, text)| bound(rule, text, sql, &catalog, arena)).collect();
    let mut bound = all(sides)?;
    let to = bound.split_off(patterns.len());
    let mut faults: Vec<Diagnostic> = Vec::new();
    for ((from, to), (pattern, template)) in bound.iter().zip(&to).zip(patterns.iter().zip(&templates)) {
        faults.extend(shape_faults(rule, (pattern, from), (template, to), arena));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let others = |own: usize| bound.iter().enumerate().filter(move |(place, _)| *place != own);
    let form = |(own, template): (usize, Output)| Compiled::Relation {
        pattern: bound[own].clone(),
        template,
        beside: others(own).map(|(_, pattern)| pattern.clone()).collect(),
        note: note.cloned(),
    };
    Ok(to.into_iter().enumerate().map(form).collect())
}

/// The queries of one side: one, or those of several models with `;` between them.
fn parts(text: &SqlText) -> Vec<SqlText> {
    let mut at = 0;
    let part = |piece: &str| {
        let start = text.span.start as usize + at + (piece.len() - piece.trim_start().len());
        at += piece.len() + 1;
        let trimmed = piece.trim();
        SqlText { text: trimmed.to_owned(), span: isomer_ir::Span::new(start, start + trimmed.len()) }
    };
    text.text.split(';').map(part).collect()
}

/// Several patterns are of a rule that lets models share, and each has a template.
fn paired(rule: &Rule, text: &SqlText, n_patterns: usize, n_templates: usize) -> Result<(), Vec<Diagnostic>> {
    let is_both_ways = matches!(rule.body, Body::Template { is_both_ways: true, .. });
    let (message, help) = if n_patterns != n_templates {
        let message = format!("rule `{}` has {n_patterns} patterns and {n_templates} templates", rule.name);
        (message, "write a template for each pattern, in the same order, with `;` between them")
    } else if n_patterns > 1 && (rule.phase != Phase::Share || is_both_ways) {
        let message = format!("rule `{}` has {n_patterns} patterns, which only rules that share have", rule.name);
        (message, "write `phase share` and `=>`, or one pattern")
    } else {
        return Ok(());
    };
    Err(vec![*fault(rule, text, "RULE-0062", message, help)])
}

fn shape_faults(
    rule: &Rule,
    (pattern, from): (&SqlText, &Output),
    (template, to): (&SqlText, &Output),
    arena: &Arena,
) -> Vec<Diagnostic> {
    let mut faults: Vec<Diagnostic> = Vec::new();
    for (text, output, side) in [(pattern, from, Side::Pattern), (template, to, Side::Template)] {
        if let Err(what) = supported(&output.plan, side, arena) {
            let message = format!("a template of `{}` holds {what}, which templates do not match", rule.name);
            let help = "see Relation templates in LANGUAGE.md for what they may hold";
            faults.push(*fault(rule, text, "RULE-0046", message, help));
        }
    }
    faults.extend(same_outputs(rule, template, from, to, arena).err().map(|fault| *fault));
    if to.plan.all_scalars().into_iter().any(|scalar| arena.volatility(scalar) == Volatility::Volatile) {
        let message = format!("the template of `{}` holds a volatile function", rule.name);
        faults.push(*fault(rule, template, "RULE-0043", message, "a rule may not draw anew what was drawn once"));
    }
    faults
}

/// All, or what is wrong with any.
fn all<T>(parts: Vec<Compile<T>>) -> Result<Vec<T>, Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let read: Vec<T> = parts.into_iter().filter_map(|part| part.map_err(|fault| faults.push(*fault)).ok()).collect();
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

/// The SQL with symbolic names in the place of holes: `$L` a table, `$L.$j` and `$p($L)` columns.
fn with_symbols(rule: &Rule, text: &SqlText, columns: &mut Vec<HoleColumn>) -> Compile<String> {
    let mut sql = String::with_capacity(text.text.len() * 2);
    let mut rest = text.text.as_str();
    let aliases = aliases(rule, rest);
    while let Some(at) = rest.find('$') {
        sql.push_str(&rest[..at]);
        let (name, behind) = split_name(&rest[at + 1..]);
        let (position, hole) = declared(rule, text, name)?;
        rest = behind;
        if hole.sort == HoleSort::Literal && counts_rows(&sql) {
            sql.push_str(&hole_count(position).to_string());
        } else if hole.sort == HoleSort::Table {
            let column = rest.strip_prefix(".$").map(split_name);
            match column {
                Some((column, behind)) => {
                    let (column_position, column) = declared(rule, text, column)?;
                    let column = symbol(rule, text, column_position, column, &[position], columns)?;
                    sql.push_str(&format!("{}.{column}", hole_table(rule, position)));
                    rest = behind;
                }
                None => sql.push_str(&hole_table(rule, position)),
            }
        } else {
            let arguments = rest.strip_prefix('(').and_then(|inner| inner.split_once(')'));
            let tables = match arguments {
                Some((list, behind)) => {
                    rest = behind;
                    let of_alias = |name: &str| aliases.iter().find(|(alias, _)| *alias == name).map(|(_, hole)| *hole);
                    if let (Some(_), false) = (of_alias(list.trim()), list.contains(',')) {
                        sql.push_str(&format!("{}.", list.trim()));
                    }
                    list.split(',')
                        .map(|table| match of_alias(table.trim()) {
                            Some(hole) => Ok(hole),
                            None => declared(rule, text, table.trim().trim_start_matches('$')).map(|(found, _)| found),
                        })
                        .collect::<Compile<Vec<usize>>>()?
                }
                None => Vec::new(),
            };
            sql.push_str(&symbol(rule, text, position, hole, &tables, columns)?);
        }
        if let Some(behind) = rest.strip_prefix("...") {
            if hole.sort != HoleSort::Columns {
                let message = format!("rule `{}` takes a list for `${name}`, which only `columns` are", rule.name);
                let help = "an inner join carries further inputs along by itself; write the hole without `...`";
                return Err(fault(rule, text, "RULE-0046", message, help));
            }
            rest = behind;
        }
    }
    sql.push_str(rest);
    Ok(sql)
}

/// The aliases of table holes: `$L AS a`.
fn aliases<'t>(rule: &Rule, text: &'t str) -> Vec<(&'t str, usize)> {
    let holes = text.match_indices('$').filter_map(|(at, _)| {
        let (name, rest) = split_name(&text[at + 1..]);
        let hole = rule.holes.iter().position(|hole| *hole.name == *name && hole.sort == HoleSort::Table)?;
        let rest = rest.trim_start();
        let is_alias = rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("as "));
        let (alias, _) = split_name(rest.get(3..)?.trim_start());
        (is_alias && !alias.is_empty()).then_some((alias, hole))
    });
    holes.collect()
}

/// Whether what comes next is a number of rows.
fn counts_rows(sql: &str) -> bool {
    let word = sql.trim_end().rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    word.len() < sql.len() - 1 && ["LIMIT", "OFFSET"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn split_name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at(end)
}

fn declared<'r>(rule: &'r Rule, text: &SqlText, name: &str) -> Compile<(usize, &'r Hole)> {
    rule.holes.iter().enumerate().find(|(_, hole)| *hole.name == *name).ok_or_else(|| {
        let message = format!("rule `{}` uses the hole `${name}`, which is not declared", rule.name);
        fault(rule, text, "RULE-0029", message, "declare it in `for`")
    })
}

/// The name of the symbolic column of a hole; remembers it for the catalog. Without its table it is
/// found by whatever exposes it: an alias, a sub-query.
fn symbol(
    rule: &Rule,
    text: &SqlText,
    position: usize,
    hole: &Hole,
    tables: &[usize],
    columns: &mut Vec<HoleColumn>,
) -> Compile<String> {
    let mut tables = tables.to_vec();
    if let Some(of) = &hole.of {
        tables = vec![declared(rule, text, of.trim_start_matches('$'))?.0];
    }
    let all: Vec<usize> = (0..rule.holes.len()).filter(|&other| rule.holes[other].sort == HoleSort::Table).collect();
    if tables.is_empty() {
        if let Some(known) = columns.iter().find(|known| known.hole == position) {
            tables.clone_from(&known.tables);
        } else if let [only] = all.as_slice() {
            tables.push(*only);
        }
    }
    if tables.is_empty() || !tables.iter().all(|table| all.contains(table)) {
        let message = format!("rule `{}` does not say of which table `${}` is", rule.name, hole.name);
        let help = "declare columns as `k column of L` and write predicates as `$p($L)`";
        return Err(fault(rule, text, "RULE-0048", message, help));
    }
    let column = HoleColumn { hole: position, tables };
    match columns.iter().find(|known| known.hole == position) {
        Some(known) if *known != column => {
            let message = format!("rule `{}` reads `${}` from other tables in different places", rule.name, hole.name);
            return Err(fault(rule, text, "RULE-0048", message, "name the same tables everywhere"));
        }
        Some(_) => {}
        None => columns.push(column.clone()),
    }
    Ok(column.name())
}

fn symbolic_catalog(rule: &Rule, holes: &[HoleColumn]) -> Catalog {
    let mut catalog = Catalog::default();
    for (position, _) in rule.holes.iter().enumerate().filter(|(_, hole)| hole.sort == HoleSort::Table) {
        let key: Arc<str> = Arc::from(hole_table(rule, position));
        let columns = holes.iter().filter(|column| column.tables.first() == Some(&position)).map(|column| {
            let name: Arc<str> = Arc::from(column.name());
            let is_predicate = rule.holes[column.hole].sort == HoleSort::Predicate;
            let data_type = if is_predicate { DataType::Boolean } else { DataType::Unknown };
            Column { key: Arc::clone(&name), name, data_type, is_nullable: true, n_distinct: None }
        });
        catalog.insert(Table {
            sql_name: Arc::clone(&key),
            columns: columns.collect(),
            key,
            keys: Vec::new(),
            foreign_keys: Vec::new(),
            n_rows: None,
        });
    }
    catalog
}

fn bound(rule: &Rule, text: &SqlText, sql: &str, catalog: &Catalog, arena: &mut Arena) -> Compile<Output> {
    let (output, diagnostics, _) = bind_query(sql, &rule.file, Dialect::DuckDb, arena, catalog);
    output.ok_or_else(|| {
        let reason = diagnostics.first().map_or_else(String::new, |diagnostic| format!(": {}", diagnostic.message));
        let message = format!("the SQL of rule `{}` does not bind{reason}", rule.name);
        fault(rule, text, "RULE-0044", message, "templates are written in DuckDB's dialect over table holes")
    })
}

/// Both sides must show as many columns, and a list of columns at the same places.
fn same_outputs(rule: &Rule, text: &SqlText, from: &Output, to: &Output, arena: &Arena) -> Compile<()> {
    let differs = |message: String| {
        let help = "show the same columns in the same order on both sides; `$C` may not be computed";
        Err(fault(rule, text, "RULE-0049", message, help))
    };
    if from.columns.len() != to.columns.len() {
        let (from, to) = (from.columns.len(), to.columns.len());
        return differs(format!("the sides of rule `{}` show {from} and {to} columns", rule.name));
    }
    for (a, b) in from.columns.iter().zip(&to.columns) {
        // What stands at one position of a set operation is as long in every branch.
        let (shown, wanted) = (list_holes(rule, arena, a.column), list_holes(rule, arena, b.column));
        let fits = match (shown, wanted) {
            (None, None) => true,
            (Some(shown), Some(wanted)) => wanted.iter().all(|hole| shown.contains(hole)),
            (None, Some(_)) | (Some(_), None) => false,
        };
        if !fits {
            return differs(format!("the sides of rule `{}` show another list of columns at one place", rule.name));
        }
    }
    Ok(())
}
