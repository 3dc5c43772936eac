//! A project: the set of models that is optimised together, as read and as bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Arena, Catalog, Diagnostic, Dialect, Output, Span};

/// How a model's result is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Materialise {
    /// Stored rows.
    #[default]
    Table,
    /// A view: computed by whoever reads it.
    View,
    /// A table of the session only.
    Temp,
    /// Folded into whoever reads it; not an object of the database.
    Ephemeral,
}

impl Materialise {
    /// The lower-case word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Temp => "temp",
            Self::Ephemeral => "ephemeral",
        }
    }
}

/// How the key of a folded model begins.
pub const FOLDED_PREFIX: &str = "__dbt__cte__";

/// A model as read.
#[derive(Debug, Clone)]
pub struct Model {
    /// As written; unique in the project.
    pub name: Arc<str>,
    /// Folded key under which other models read it.
    pub key: Arc<str>,
    /// How it is written in SQL.
    pub sql_name: Arc<str>,
    /// Path within the project, with `/`.
    pub path: Arc<str>,
    /// The text as the user wrote it, byte for byte.
    pub original: Arc<str>,
    /// The SQL to bind: `original`, or what it compiles to (smelt, dbt).
    pub sql: Arc<str>,
    /// Dialect of the text.
    pub dialect: Dialect,
    /// How the result is kept.
    pub materialise: Materialise,
    /// Tags, sorted.
    pub tags: Vec<Arc<str>>,
    /// Whether the model may be changed (`enabled: false` and opt-outs forbid it).
    pub is_rewritable: bool,
    /// Whether the reader refuses to have the text bound (not SQL, not UTF-8, or a result that is
    /// more than its query, like an incremental table): a barrier. Its reason is among the reader's
    /// diagnostics, and its columns, where somebody declares them, are a table of the catalog.
    pub is_opaque: bool,
    /// Keys that the model is declared to read, sorted; what the text tells comes on top.
    pub declared_reads: Vec<Arc<str>>,
    /// Whether the model is no object of the database: its readers' `original` holds its query, as dbt writes
    /// ephemeral models.
    pub is_folded: bool,
    /// Keys of the folded models whose queries stand in `original` and are blank in `sql`, which reads them
    /// by name; places in both texts are the same.
    pub folded: Vec<Arc<str>>,
}

impl Model {
    /// The text that a database can run: `sql`, or `original` where `sql` reads models that are no objects.
    #[must_use]
    pub fn runnable(&self) -> &Arc<str> {
        if self.folded.is_empty() { &self.sql } else { &self.original }
    }
}

/// Where the rows of a source come from when a pipeline is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceData {
    /// Nothing is said: the connected database has it.
    Database,
    /// A CSV or Parquet file of the project.
    File(Arc<str>),
    /// A generator of the binary: its name and its `key: value` settings.
    Generated(Arc<str>, Vec<(Arc<str>, Arc<str>)>),
}

/// A source table of the project.
#[derive(Debug, Clone)]
pub struct Source {
    /// Key in the catalog.
    pub key: Arc<str>,
    /// Where its rows come from.
    pub data: SourceData,
}

/// How a model differs from the one of its name in another version of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The other version has none of the name.
    New,
    /// Its text, its dialect or how it is kept differs.
    Modified,
    /// Neither.
    Unmodified,
}

/// A fact of a model that a test of the project proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestedFact {
    /// Key of the model.
    pub model: Arc<str>,
    /// Folded names of the columns it is about.
    pub columns: Vec<Arc<str>>,
    /// What is proved.
    pub claim: TestedClaim,
    /// Name of the test.
    pub test: Arc<str>,
}

/// What a test proves of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestedClaim {
    /// No two rows agree on them.
    Unique,
    /// They hold no NULL.
    NotNull,
    /// Their values are those of another relation: its key and its folded columns.
    References(Arc<str>, Vec<Arc<str>>),
    /// Their values are among these.
    OneOf(Vec<Arc<str>>),
}

/// Settings of a project that steer optimisation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Least share of a model's estimated cost that a change must save, 0 to 1.
    pub min_saving: f64,
    /// A relation that costs less than this to compute is not worth a shared step, in cost units (about
    /// rows).
    pub min_shared_rows: f64,
    /// Rules that are switched off, by name.
    pub disabled_rules: Vec<Arc<str>>,
    /// Lossy rules that the project consents to, by name or tag.
    pub allowed: Vec<Arc<str>>,
    /// The only rules in force, by name or tag; all where nothing is named.
    pub only: Vec<Arc<str>>,
    /// What single models say of rules, by their key.
    pub models: BTreeMap<Arc<str>, ModelRules>,
}

/// What a model's own text says of rules: `-- @isomer: disable a, b`, `-- @isomer: only a`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelRules {
    /// Rules that are off in this model, by name or tag.
    pub disabled: Vec<Arc<str>>,
    /// The only rules in force in it, by name or tag; all where nothing is named.
    pub only: Vec<Arc<str>>,
}

impl Settings {
    /// Whether a rule of this name and these tags is off in the whole project.
    #[must_use]
    pub fn is_off(&self, rule: &str, tags: &[Arc<str>]) -> bool {
        is_off(&self.disabled_rules, &self.only, rule, tags)
    }
}

impl ModelRules {
    /// Whether a rule of this name and these tags is off in the model.
    #[must_use]
    pub fn is_off(&self, rule: &str, tags: &[Arc<str>]) -> bool {
        is_off(&self.disabled, &self.only, rule, tags)
    }
}

fn is_off(disabled: &[Arc<str>], only: &[Arc<str>], rule: &str, tags: &[Arc<str>]) -> bool {
    let is_named = |names: &[Arc<str>]| names.iter().any(|name| **name == *rule || tags.contains(name));
    is_named(disabled) || (!only.is_empty() && !is_named(only))
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min_saving: 0.05,
            min_shared_rows: 1000.0,
            disabled_rules: Vec::new(),
            allowed: Vec::new(),
            only: Vec::new(),
            models: BTreeMap::new(),
        }
    }
}

/// A project as read; texts are not parsed yet.
#[derive(Debug, Clone)]
pub struct ModelProject {
    /// Name.
    pub name: Arc<str>,
    /// What it was read from: `folder`, `smelt`, `dbt`, `interlace`, `sqlmesh`.
    pub format: &'static str,
    /// Dialect in which results are written; the models' own unless a target says otherwise.
    pub target: Dialect,
    /// Path of a DuckDB database that holds the sources.
    pub database: Option<Arc<str>>,
    /// Models in a stable order (by path).
    pub models: Vec<Model>,
    /// Declared sources.
    pub sources: Vec<Source>,
    /// Sources' schema.
    pub catalog: Catalog,
    /// What the project's tests prove of models. Rewrites do not lean on it: what holds of a model follows
    /// from its SQL.
    pub tested: Vec<TestedFact>,
    /// What the format tells models of two versions apart by, such as a checksum of the text before it was
    /// compiled, by model name; the text itself for those that are not here.
    pub checksums: BTreeMap<Arc<str>, Arc<str>>,
    /// How models differ from another version of the project, by their key, where one is given.
    pub changes: Option<BTreeMap<Arc<str>, Change>>,
    /// Rule files of the project: path and text.
    pub rule_files: Vec<(Arc<str>, Arc<str>)>,
    /// Settings.
    pub settings: Settings,
}

impl ModelProject {
    /// How each model differs from the one of its name in an earlier version, by key.
    #[must_use]
    pub fn changes_since(&self, earlier: &Self) -> BTreeMap<Arc<str>, Change> {
        let text = |project: &Self, model: &Model| {
            project.checksums.get(&model.name).map_or_else(|| Arc::clone(&model.original), Arc::clone)
        };
        let old: BTreeMap<&Arc<str>, &Model> = earlier.models.iter().map(|model| (&model.name, model)).collect();
        let change = |model: &Model| match old.get(&model.name) {
            None => Change::New,
            Some(old)
                if text(self, model) == text(earlier, old)
                    && (model.dialect, model.materialise) == (old.dialect, old.materialise) =>
            {
                Change::Unmodified
            }
            Some(_) => Change::Modified,
        };
        self.models.iter().map(|model| (Arc::clone(&model.key), change(model))).collect()
    }
}

/// What became of a model when it was bound.
#[derive(Debug, Clone)]
pub enum Bound {
    /// Understood.
    Plan(Output),
    /// Not understood: a barrier that is handed back byte for byte. The reason is among the
    /// project's diagnostics.
    Opaque,
}

/// A bound model; same position as in [`ModelProject::models`].
#[derive(Debug, Clone)]
pub struct BoundModel {
    /// Plan or barrier.
    pub bound: Bound,
    /// Keys of tables and models that it reads, sorted (of an opaque one: as far as the text tells).
    pub reads: Vec<Arc<str>>,
    /// Comments of the text with their places.
    pub comments: Vec<(Span, Arc<str>)>,
    /// Rules that binding applied, with how often: subqueries become joins there.
    pub rules: Vec<(Arc<str>, usize)>,
}

/// A project whose models are bound into one arena.
#[derive(Debug, Clone)]
pub struct BoundProject {
    /// As read. The catalog also holds every bound model as a table.
    pub project: ModelProject,
    /// Scalars and columns.
    pub arena: Arena,
    /// One for each model.
    pub models: Vec<BoundModel>,
    /// Positions of the models, upstream before downstream, ties by name.
    pub order: Vec<usize>,
    /// Everything there is to tell, sorted by source and span.
    pub diagnostics: Vec<Diagnostic>,
}

impl BoundProject {
    /// Position of the model with a folded key.
    #[must_use]
    pub fn model_position(&self, key: &str) -> Option<usize> {
        self.project.models.iter().position(|model| &*model.key == key)
    }
}
