//! What a rule is, once read: data that people read, tests check and the optimizer applies.

use std::fmt;
use std::sync::Arc;

use isomer_ir::{AggregateCall, Output, ScalarId, Span};

use crate::fact::Fact;

/// What a rule file holds, in its order.
#[derive(Debug, Clone, Default)]
pub struct RuleFile {
    /// The rules.
    pub rules: Vec<Rule>,
    /// The facts.
    pub facts: Vec<Fact>,
}

/// A set of rules, built-in ones first, in the order of their files.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    /// The rules; names are unique.
    pub rules: Vec<Arc<Rule>>,
    /// Constraints that the files declare.
    pub facts: Vec<Fact>,
    /// Rules with a fault that leaves their templates readable, so that what is wrong with those is told
    /// as well. They are never applied.
    pub rejected: Vec<Arc<Rule>>,
}

impl RuleSet {
    /// The rule of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| &*rule.name == name)
    }
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Kebab-case name; never reused for another meaning.
    pub name: Arc<str>,
    /// What it does and why it is sound.
    pub doc: String,
    /// How far the rows stay the same.
    pub class: Class,
    /// When it runs.
    pub phase: Phase,
    /// Tags by which projects name groups of rules.
    pub tags: Vec<Arc<str>>,
    /// Where the rewrite is described: author, year, section; or the system that has it.
    pub source: Option<String>,
    /// Typed holes of the templates.
    pub holes: Vec<Hole>,
    /// What it rewrites.
    pub body: Body,
    /// Conditions of soundness.
    pub guards: Vec<Guard>,
    /// How often it may be applied.
    pub budget: Budget,
    /// Cases in which it fires.
    pub examples: Vec<Case>,
    /// Cases in which it must not.
    pub refusals: Vec<Case>,
    /// The file.
    pub file: Arc<str>,
    /// The name in the file.
    pub span: Span,
    /// Whether it comes with the binary.
    pub is_builtin: bool,
    /// Whether something of it could not be read, so that it is checked and never applied.
    pub is_faulty: bool,
}

impl Rule {
    /// The name of its file without folder and ending.
    #[must_use]
    pub fn family(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or(&self.file).trim_end_matches(".rules")
    }

    /// The first sentence of what it does, without the full stop.
    #[must_use]
    pub fn summary(&self) -> &str {
        self.doc.split(". ").next().unwrap_or(&self.doc).trim_end_matches('.')
    }
}

/// How far the rows that come out stay the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// The same bag of rows.
    Exact,
    /// The same up to the order in which doubles are added.
    FpReorder,
    /// Other rows; applied only with the project's consent. How much is lost, in words.
    Lossy(String),
    /// The same if an undeclared fact holds; applied only with the project's consent.
    Assumes(String),
}

impl Class {
    /// Whether the project must consent by name or tag.
    #[must_use]
    pub fn needs_consent(&self) -> bool {
        matches!(self, Self::Lossy(_) | Self::Assumes(_))
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::FpReorder => f.write_str("fp_reorder"),
            Self::Lossy(how) => write!(f, "lossy(\"{how}\")"),
            Self::Assumes(what) => write!(f, "assumes({what})"),
        }
    }
}

/// When a rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// On each model, before it enters the e-graph.
    Normalize,
    /// In the e-graph, on one model's relations.
    Logical,
    /// In the e-graph, across models.
    Share,
    /// A project's own.
    User,
    /// On the chosen plan, for one target.
    Dialect,
}

impl Phase {
    /// Every phase with its word.
    pub const ALL: [(&'static str, Self); 5] = [
        ("normalize", Self::Normalize),
        ("logical", Self::Logical),
        ("share", Self::Share),
        ("user", Self::User),
        ("dialect", Self::Dialect),
    ];

    /// The lower-case word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, phase)| *phase == self).map_or("", |(word, _)| *word)
    }
}

/// How often a rule may be applied in one run; control of the search, never of soundness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// In one iteration of the search.
    pub per_iteration: usize,
    /// In all.
    pub total: usize,
}

impl Budget {
    /// The budget of a rule that names none: relations are tried anew in each iteration, scalars and
    /// aggregate calls once in each model.
    #[must_use]
    pub fn of(body: &Body) -> Self {
        match body {
            Body::Template { pattern, .. } if pattern.is_relation() => Self { per_iteration: 1_000, total: 10_000 },
            Body::Template { .. } | Body::Native(_) => Self { per_iteration: 100_000, total: 100_000 },
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per iteration, {} total", self.per_iteration, self.total)
    }
}

/// A typed hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Name, without `$`.
    pub name: Arc<str>,
    /// What it stands for.
    pub sort: HoleSort,
    /// The table that it belongs to, for columns.
    pub of: Option<Arc<str>>,
    /// Where it is declared.
    pub span: Span,
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.sort.word())?;
        self.of.iter().try_for_each(|of| write!(f, " of {of}"))
    }
}

/// What a hole stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HoleSort {
    /// A relation.
    Table,
    /// Any columns of a relation.
    Columns,
    /// One column of a relation.
    Column,
    /// A truth value.
    Predicate,
    /// Any scalar.
    Expr,
    /// An aggregate call.
    Aggregate,
    /// A constant.
    Literal,
}

impl HoleSort {
    /// Every sort with its word.
    pub const ALL: [(&'static str, Self); 7] = [
        ("table", Self::Table),
        ("columns", Self::Columns),
        ("column", Self::Column),
        ("predicate", Self::Predicate),
        ("expr", Self::Expr),
        ("aggregate", Self::Aggregate),
        ("literal", Self::Literal),
    ];

    /// The lower-case word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, sort)| *sort == self).map_or("", |(word, _)| *word)
    }
}

/// What a rule rewrites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Code of the binary, registered under this name.
    Native(Arc<str>),
    /// SQL with holes.
    Template {
        /// What is found.
        pattern: SqlText,
        /// What takes its place.
        template: SqlText,
        /// `<=>`: either side may take the place of the other.
        is_both_ways: bool,
    },
}

/// A piece of SQL in a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlText {
    /// The text, holes included.
    pub text: String,
    /// Where it stands in the file.
    pub span: Span,
}

impl SqlText {
    /// Whether it is a relation: it begins with SELECT.
    #[must_use]
    pub fn is_relation(&self) -> bool {
        self.text.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
    }
}

/// A condition: a name of the closed vocabulary with its arguments as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// Name in the vocabulary.
    pub name: Arc<str>,
    /// Arguments as written, `$` kept.
    pub args: Vec<String>,
    /// `in (…)`: the allowed words.
    pub members: Vec<String>,
    /// A comparison with a number: `>` or `<`, and the number.
    pub bound: Option<(char, f64)>,
    /// Where it stands.
    pub span: Span,
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, self.args.join(", "))?;
        if !self.members.is_empty() {
            write!(f, " in ({})", self.members.join(", "))?;
        }
        self.bound.iter().try_for_each(|(operator, number)| write!(f, " {operator} {number}"))
    }
}

/// An example or a refusal.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows.
    pub title: String,
    /// Tables.
    pub given: Vec<GivenTable>,
    /// The models that are written.
    pub input: Vec<ModelText>,
    /// Examples: what they become.
    pub expect: Vec<ModelText>,
    /// Refusals: what the rule would wrongly make of the input.
    pub wrong: Option<SqlText>,
    /// Where the title stands.
    pub span: Span,
}

/// A table of a case.
#[derive(Debug, Clone)]
pub struct GivenTable {
    /// Name.
    pub name: Arc<str>,
    /// Columns in order.
    pub columns: Vec<GivenColumn>,
    /// Rows as a SQL list of tuples, where the case has data.
    pub rows: Option<String>,
    /// Estimated rows, where the case needs a large table.
    pub n_rows: Option<f64>,
}

/// A column of a case's table.
#[derive(Debug, Clone)]
pub struct GivenColumn {
    /// Name.
    pub name: Arc<str>,
    /// SQL type as written.
    pub type_name: String,
    /// A key of the table by itself; never NULL.
    pub is_key: bool,
    /// Never NULL.
    pub is_not_null: bool,
    /// `references t(c)`.
    pub references: Option<(Arc<str>, Arc<str>)>,
}

/// A model of a case.
#[derive(Debug, Clone)]
pub struct ModelText {
    /// Name; `m1`, `m2`… where none is written.
    pub name: Arc<str>,
    /// SQL.
    pub sql: SqlText,
}

/// A rule with its templates bound into an arena.
#[derive(Debug, Clone)]
pub struct CompiledRule {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Its templates.
    pub compiled: Compiled,
}

/// The bound form of a rule's body. `Scalar::Hole(n)` is hole `n` of the rule.
#[derive(Debug, Clone)]
pub enum Compiled {
    /// Code of the binary.
    Native,
    /// A scalar takes the place of a scalar.
    Scalar {
        /// What is found.
        pattern: ScalarId,
        /// What takes its place.
        template: ScalarId,
        /// Whether the two are equal only where NULL is as good as FALSE.
        is_holds_only: bool,
    },
    /// An aggregate takes the place of an aggregate.
    Aggregate {
        /// What is found.
        pattern: AggregateCall,
        /// What takes its place.
        template: AggregateCall,
    },
    /// A relation takes the place of a relation. Symbolic tables and columns stand for holes, see
    /// [`crate::HoleColumn`].
    Relation {
        /// What is found.
        pattern: Output,
        /// What takes its place; shows as many columns.
        template: Output,
        /// Patterns that are found elsewhere under the same holes: what this one is shared with.
        beside: Vec<Output>,
        /// Which form of the rule it is, where it has several: the direction, the kind of join.
        note: Option<Arc<str>>,
    },
}
