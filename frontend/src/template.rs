//! Rule templates to patterns: SQL with typed holes, bound by the project's own binder, so that a
//! rule means exactly what its SQL means.
//!
//! A hole is bound as a column of unknown type of a one-table catalog and then replaced by
//! `Scalar::Hole(n)`, `n` being its position among the rule's holes. A pattern that begins
//! with `WHERE` is equal only where NULL is as good as FALSE; one that begins with `SELECT` is a
//! relation, see [`crate::relation_template`].

use std::sync::Arc;

use isomer_ir::{
    AggregateCall, Arena, Catalog, Column, ColumnDef, DataType, Diagnostic, Dialect, Output, Plan, Scalar, ScalarId,
    Severity, Table, Volatility,
};
use isomer_rules::{Body, Compiled, CompiledRule, GUARDS, Guard, Hole, HoleSort, Rule, RuleSet, SqlText};

use crate::bind::bind_query;
use crate::parse::with_deep_stack;
use crate::relation_template::compile_relation;
use crate::template_feed::finds_within;
use crate::template_ways::{Way, ways};

/// The table whose columns stand for holes.
const HOLES: &str = "__holes";

/// Binds the templates of a rule set into an arena. A rule whose template cannot be bound is left
/// out and told.
pub fn compile_rules(rules: &RuleSet, arena: &mut Arena) -> (Vec<CompiledRule>, Vec<Diagnostic>) {
    with_deep_stack(|| compile_all(rules, arena))
}

fn compile_all(rules: &RuleSet, arena: &mut Arena) -> (Vec<CompiledRule>, Vec<Diagnostic>) {
    let mut compiled = Vec::with_capacity(rules.rules.len());
    let mut diagnostics = Vec::new();
    // What is wrong with the template of a rejected rule is told too.
    for rule in &rules.rejected {
        if let Body::Template { .. } = &rule.body {
            let told = &mut Vec::new();
            compile(rule, arena, told);
            diagnostics.extend(told.drain(..).filter(|told| told.severity == Severity::Project));
        }
    }
    for rule in &rules.rules {
        let before = diagnostics.len();
        let bodies = match &rule.body {
            Body::Native(_) => vec![Compiled::Native],
            Body::Template { .. } => compile(rule, arena, &mut diagnostics),
        };
        // A rule stands or falls as a whole.
        if !diagnostics[before..].iter().any(|told| told.severity == Severity::Project) {
            compiled.extend(bodies.into_iter().map(|compiled| CompiledRule { rule: Arc::clone(rule), compiled }));
        }
    }
    (compiled, diagnostics)
}

pub(crate) fn fault(rule: &Rule, text: &SqlText, code: &'static str, message: String, help: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::project(code, &rule.file, text.span, message).with_help(help))
}

/// Every form of a rule's template: one for each way and each member of its operator sets. What is
/// wrong with any of them is told.
fn compile(rule: &Rule, arena: &mut Arena, diagnostics: &mut Vec<Diagnostic>) -> Vec<Compiled> {
    let is_relation = matches!(&rule.body, Body::Template { pattern, .. } if pattern.is_relation());
    diagnostics.extend(undecidable(rule, is_relation));
    let mut bodies = Vec::new();
    match ways(rule, is_relation) {
        Ok(ways) => {
            for Way { pattern, template, note } in ways {
                let body = if is_relation {
                    compile_relation(rule, &pattern, &template, note.as_ref(), arena)
                } else {
                    compile_scalar(rule, &pattern, &template, arena).map(|body| vec![body])
                };
                match body {
                    Ok(body) => bodies.extend(body),
                    Err(faults) => diagnostics.extend(faults),
                }
            }
        }
        Err(diagnostic) => diagnostics.push(*diagnostic),
    }
    // One form of a rule has the faults of another.
    let mut distinct: Vec<Diagnostic> = Vec::with_capacity(diagnostics.len());
    for told in diagnostics.drain(..) {
        if !distinct.contains(&told) {
            distinct.push(told);
        }
    }
    *diagnostics = distinct;
    for body in &bodies {
        diagnostics.extend(warnings(rule, body, arena));
    }
    bodies
}

fn compile_scalar(
    rule: &Rule,
    pattern: &SqlText,
    template: &SqlText,
    arena: &mut Arena,
) -> Result<Compiled, Vec<Diagnostic>> {
    let (pattern_sql, in_holds) = strip_where(&pattern.text);
    let (template_sql, becomes_holds) = strip_where(&template.text);
    let mut faults = Vec::new();
    if becomes_holds && !in_holds {
        let message = format!("the template of `{}` begins with WHERE and its pattern does not", rule.name);
        let help = "begin both sides with WHERE, or neither: as a value NULL is not FALSE";
        faults.push(*fault(rule, template, "RULE-0050", message, help));
    }
    for hole in rule.holes.iter().filter(|hole| !is_scalar(hole)) {
        let message = format!("the hole `${}` stands for a relation, and the template is a scalar", hole.name);
        faults.push(*fault(rule, pattern, "RULE-0041", message, "declare it as `expr`, `predicate` or `literal`"));
    }
    let to_text = template;
    let sides = [bound(rule, pattern, pattern_sql, arena), bound(rule, template, template_sql, arena)];
    let (from, to) = match sides {
        [Ok(from), Ok(to)] => (from, to),
        sides => {
            faults.extend(sides.into_iter().filter_map(Result::err).map(|fault| *fault));
            return Err(faults);
        }
    };
    let compiled = match (from, to) {
        (Part::Scalar(pattern), Part::Scalar(template)) => {
            for checked in [
                duplicates_no_volatile(rule, to_text, arena, template),
                comparable(rule, to_text, arena, pattern, template),
            ] {
                faults.extend(checked.err().map(|fault| *fault));
            }
            Compiled::Scalar { pattern, template, is_holds_only: in_holds }
        }
        (Part::Aggregate(from), Part::Aggregate(to)) => {
            for (call, text) in [(&from, pattern), (&to, template)] {
                if call.filter.is_some() || !call.order.is_empty() {
                    let message =
                        format!("a side of rule `{}` has FILTER or ORDER BY, which are not matched", rule.name);
                    let help = "write the call alone: its FILTER is carried over, and ordered calls are left alone";
                    faults.push(*fault(rule, text, "RULE-0051", message, help));
                }
            }
            Compiled::Aggregate { pattern: from, template: to }
        }
        (Part::Scalar(_), Part::Aggregate(_)) | (Part::Aggregate(_), Part::Scalar(_)) => {
            let message = format!("one side of rule `{}` is an aggregate and the other is not", rule.name);
            faults.push(*fault(
                rule,
                template,
                "RULE-0042",
                message,
                "write an aggregate on both sides, or on neither",
            ));
            return Err(faults);
        }
    };
    if faults.is_empty() { Ok(compiled) } else { Err(faults) }
}

/// The bound sides differ, and not in a type that no value of the one could take in the other.
fn comparable(
    rule: &Rule,
    text: &SqlText,
    arena: &Arena,
    pattern: ScalarId,
    template: ScalarId,
) -> Result<(), Box<Diagnostic>> {
    let fault = |code, message: String, help: &str| {
        Err(Box::new(Diagnostic::project(code, &rule.file, text.span, message).with_help(help)))
    };
    if pattern == template {
        let message = format!("both sides of rule `{}` are the same once they are bound", rule.name);
        return fault("RULE-0027", message, "change one side or delete the rule");
    }
    let (from, to) = (arena.type_of(pattern), arena.type_of(template));
    let is_open = |side: DataType| matches!(side, DataType::Unknown | DataType::Null);
    if is_open(from) || is_open(to) || from == to || (from.is_integer() && to.is_integer()) {
        return Ok(());
    }
    let message = format!("the sides of rule `{}` are of the types {from} and {to}, so it could never fire", rule.name);
    fault("RULE-0054", message, "cast one of them")
}

/// What is odd about a rule that binds.
fn warnings(rule: &Rule, body: &Compiled, arena: &Arena) -> Option<Diagnostic> {
    let feeds_itself = match body {
        Compiled::Scalar { pattern, template, is_holds_only: false } => finds_within(arena, *pattern, *template),
        Compiled::Scalar { .. } | Compiled::Aggregate { .. } | Compiled::Native => false,
        Compiled::Relation { pattern, .. } => {
            let mut plan = &pattern.plan;
            while let Plan::Named { input, .. } | Plan::Project { input, .. } = plan {
                plan = input;
            }
            matches!(plan, Plan::Scan { .. })
        }
    };
    let message = format!("rule `{}` finds its pattern in what it makes; its budget ends it", rule.name);
    let help = "sharpen the pattern, or write the template without what the pattern finds";
    let told = if rule.is_builtin {
        Diagnostic::project("RULE-0055", &rule.file, rule.span, message)
    } else {
        Diagnostic::note("RULE-0055", &rule.file, rule.span, message)
    };
    feeds_itself.then(|| told.with_help(help))
}

/// Guards that the optimizer cannot decide for such a template would keep the rule from ever firing.
fn undecidable(rule: &Rule, is_relation: bool) -> Vec<Diagnostic> {
    let is_decidable = |name: &str| {
        GUARDS
            .iter()
            .any(|known| known.name == name && if is_relation { known.is_for_relations } else { known.is_for_scalars })
    };
    let kind = if is_relation { "relation" } else { "scalar or aggregate" };
    let known: Vec<&str> = GUARDS
        .iter()
        .filter(|known| if is_relation { known.is_for_relations } else { known.is_for_scalars })
        .map(|known| known.name)
        .collect();
    let told = |guard: &Guard| {
        let (guard_name, rule_name) = (&guard.name, &rule.name);
        let message = format!(
            "the guard `{guard_name}` is not decided for {kind} templates, so rule `{rule_name}` could never fire"
        );
        let help = format!("guards of such templates are {}", known.join(", "));
        Diagnostic::project("RULE-0047", &rule.file, guard.span, message).with_help(help)
    };
    rule.guards.iter().filter(|guard| !is_decidable(&guard.name)).map(told).collect()
}

fn is_scalar(hole: &Hole) -> bool {
    matches!(hole.sort, HoleSort::Expr | HoleSort::Predicate | HoleSort::Literal | HoleSort::Column)
}

/// `WHERE x` as `x`, and whether it was one.
fn strip_where(text: &str) -> (&str, bool) {
    match text.get(..6) {
        Some(word) if word.eq_ignore_ascii_case("where ") => (text[6..].trim(), true),
        _ => (text, false),
    }
}

fn duplicates_no_volatile(
    rule: &Rule,
    text: &SqlText,
    arena: &Arena,
    template: ScalarId,
) -> Result<(), Box<Diagnostic>> {
    if arena.volatility(template) == Volatility::Volatile {
        let message = format!("the template of `{}` holds a volatile function", rule.name);
        let diagnostic = Diagnostic::project("RULE-0043", &rule.file, text.span, message);
        return Err(Box::new(diagnostic.with_help("a rule may not draw anew what was drawn once")));
    }
    Ok(())
}

enum Part {
    Scalar(ScalarId),
    Aggregate(AggregateCall),
}

/// Binds one side as the only item of a select list.
fn bound(rule: &Rule, text: &SqlText, sql: &str, arena: &mut Arena) -> Result<Part, Box<Diagnostic>> {
    let mut query = sql.to_owned();
    // Longest names first, so that `$x` does not take the beginning of `$xs`.
    let mut order: Vec<usize> = (0..rule.holes.len()).collect();
    order.sort_by_key(|&position| std::cmp::Reverse(rule.holes[position].name.len()));
    for position in order {
        query = query.replace(&format!("${}", rule.holes[position].name), &column_name(position));
    }
    let query = format!("SELECT {query} AS result FROM {HOLES}");
    let catalog = hole_catalog(rule);
    let (output, diagnostics, _) = bind_query(&query, &rule.file, Dialect::DuckDb, arena, &catalog);
    let Some(output) = output else {
        let reason = diagnostics.first().map_or_else(String::new, |diagnostic| format!(": {}", diagnostic.message));
        let message = format!("the SQL of rule `{}` does not bind{reason}", rule.name);
        return Err(fault(rule, text, "RULE-0044", message, "templates are written in DuckDB's dialect"));
    };
    part(arena, &output).ok_or_else(|| {
        let message = format!("the SQL of rule `{}` is no scalar and no aggregate", rule.name);
        fault(
            rule,
            text,
            "RULE-0045",
            message,
            "match an expression such as `upper(upper($x))` or `count(DISTINCT $x)`",
        )
    })
}

fn column_name(position: usize) -> String {
    format!("__hole_{position}")
}

fn hole_catalog(rule: &Rule) -> Catalog {
    let mut catalog = Catalog::default();
    let columns = rule
        .holes
        .iter()
        .enumerate()
        .map(|(position, hole)| {
            let name: Arc<str> = Arc::from(column_name(position));
            let data_type = if hole.sort == HoleSort::Predicate { DataType::Boolean } else { DataType::Unknown };
            Column { key: Arc::clone(&name), name, data_type, is_nullable: true, n_distinct: None }
        })
        .collect();
    let key: Arc<str> = Arc::from(HOLES);
    catalog.insert(Table {
        sql_name: Arc::clone(&key),
        key,
        columns,
        keys: Vec::new(),
        foreign_keys: Vec::new(),
        n_rows: None,
    });
    catalog
}

/// The one item of a bound select list, holes put in.
fn part(arena: &mut Arena, output: &Output) -> Option<Part> {
    let shown = output.columns.first()?.column;
    let mut scalar = arena.column_ref(shown);
    let mut plan = &output.plan;
    loop {
        match plan {
            Plan::Project { input, exprs } => {
                let definitions = exprs.iter().copied().collect();
                scalar = arena.inline_columns(scalar, &definitions);
                plan = input;
            }
            Plan::Named { input, .. } => plan = input,
            Plan::Aggregate { calls, keys, .. } if keys.is_empty() => {
                let Scalar::Column(column) = arena[scalar] else { return None };
                let (_, call) = calls.iter().find(|(id, _)| *id == column)?;
                let call = call.clone();
                return Some(Part::Aggregate(
                    arena.map_aggregate(&call, &mut |arena, scalar| with_holes(arena, scalar)),
                ));
            }
            Plan::Scan { .. } => return Some(Part::Scalar(with_holes(arena, scalar))),
            _ => return None,
        }
    }
}

/// Columns of the hole table as holes; casts that the binder added to them vanish, because a hole
/// has no type of its own.
fn with_holes(arena: &mut Arena, scalar: ScalarId) -> ScalarId {
    arena.substitute(scalar, &mut |arena, scalar| match &arena[scalar] {
        Scalar::Column(column) => match arena.def(*column) {
            ColumnDef::Base { table, column } if &**table == HOLES => {
                let position: u32 = column.strip_prefix("__hole_")?.parse().ok()?;
                Some(arena.scalar(Scalar::Hole(position)))
            }
            _ => None,
        },
        _ => None,
    })
}
