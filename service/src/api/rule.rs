//! A rule in its checked form, as `isomer rules show --json` prints it and `docs/rule.schema.json`
//! describes it.

use isomer_rules::{Body, Case, GivenColumn, GivenTable, ModelText, Rule, citations};
use serde::Serialize;

/// A checked rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleForm {
    name: String,
    doc: String,
    class: String,
    needs_consent: bool,
    phase: &'static str,
    tags: Vec<String>,
    source: Option<String>,
    /// What the source's short forms stand for.
    citations: Vec<&'static str>,
    family: String,
    file: String,
    is_builtin: bool,
    holes: Vec<HoleForm>,
    /// Code of the binary under this name; the rule then has no `rewrite`.
    native: Option<String>,
    rewrite: Option<RewriteForm>,
    guards: Vec<GuardForm>,
    budget: BudgetForm,
    examples: Vec<CaseForm>,
    refusals: Vec<CaseForm>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct HoleForm {
    name: String,
    sort: &'static str,
    of: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct RewriteForm {
    pattern: String,
    template: String,
    is_both_ways: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct GuardForm {
    name: String,
    args: Vec<String>,
    /// `in (…)`.
    members: Vec<String>,
    bound: Option<BoundForm>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct BoundForm {
    operator: char,
    number: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct BudgetForm {
    per_iteration: usize,
    total: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct CaseForm {
    title: String,
    given: Vec<TableForm>,
    input: Vec<ModelForm>,
    expect: Vec<ModelForm>,
    wrong: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct TableForm {
    name: String,
    columns: Vec<ColumnForm>,
    /// As a SQL list of tuples.
    rows: Option<String>,
    n_rows: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ColumnForm {
    name: String,
    r#type: String,
    is_key: bool,
    is_not_null: bool,
    /// Table and column.
    references: Option<[String; 2]>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ModelForm {
    name: String,
    sql: String,
}

impl From<&Rule> for RuleForm {
    fn from(rule: &Rule) -> Self {
        let (native, rewrite) = match &rule.body {
            Body::Native(name) => (Some(name.to_string()), None),
            Body::Template { pattern, template, is_both_ways } => {
                let (pattern, template) = (pattern.text.clone(), template.text.clone());
                (None, Some(RewriteForm { pattern, template, is_both_ways: *is_both_ways }))
            }
        };
        let holes = rule.holes.iter().map(|hole| HoleForm {
            name: hole.name.to_string(),
            sort: hole.sort.word(),
            of: hole.of.as_ref().map(ToString::to_string),
        });
        let guards = rule.guards.iter().map(|guard| GuardForm {
            name: guard.name.to_string(),
            args: guard.args.clone(),
            members: guard.members.clone(),
            bound: guard.bound.map(|(operator, number)| BoundForm { operator, number }),
        });
        Self {
            name: rule.name.to_string(),
            doc: rule.doc.clone(),
            class: rule.class.to_string(),
            needs_consent: rule.class.needs_consent(),
            phase: rule.phase.word(),
            tags: rule.tags.iter().map(ToString::to_string).collect(),
            source: rule.source.clone(),
            citations: rule.source.as_deref().map(citations).unwrap_or_default(),
            family: rule.family().to_owned(),
            file: rule.file.to_string(),
            is_builtin: rule.is_builtin,
            holes: holes.collect(),
            native,
            rewrite,
            guards: guards.collect(),
            budget: BudgetForm { per_iteration: rule.budget.per_iteration, total: rule.budget.total },
            examples: rule.examples.iter().map(case).collect(),
            refusals: rule.refusals.iter().map(case).collect(),
        }
    }
}

fn case(case: &Case) -> CaseForm {
    CaseForm {
        title: case.title.clone(),
        given: case.given.iter().map(table).collect(),
        input: case.input.iter().map(model).collect(),
        expect: case.expect.iter().map(model).collect(),
        wrong: case.wrong.as_ref().map(|sql| sql.text.clone()),
    }
}

fn table(table: &GivenTable) -> TableForm {
    TableForm {
        name: table.name.to_string(),
        columns: table.columns.iter().map(column).collect(),
        rows: table.rows.clone(),
        n_rows: table.n_rows,
    }
}

fn column(column: &GivenColumn) -> ColumnForm {
    ColumnForm {
        name: column.name.to_string(),
        r#type: column.type_name.clone(),
        is_key: column.is_key,
        is_not_null: column.is_not_null,
        references: column.references.as_ref().map(|(table, column)| [table.to_string(), column.to_string()]),
    }
}

fn model(model: &ModelText) -> ModelForm {
    ModelForm { name: model.name.to_string(), sql: model.sql.text.clone() }
}
