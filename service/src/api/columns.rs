//! What `isomer schema` and `isomer lineage` say. `docs/schema.schema.json` and
//! `docs/lineage.schema.json` describe them for others.

use serde::Serialize;

use super::Diagnostic;

/// The columns of a project's models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProjectSchema {
    /// Name of the project.
    pub project: String,
    /// Upstream before downstream.
    pub models: Vec<ModelSchema>,
    /// What there is to tell whoever wrote the input, worst first.
    pub diagnostics: Vec<Diagnostic>,
}

/// The columns of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelSchema {
    /// Name.
    pub name: String,
    /// Path within the project.
    pub path: String,
    /// `table`, `view`, `temp` or `ephemeral`.
    pub materialise: &'static str,
    /// `bound`, or `opaque`: then only declared columns are known.
    pub state: &'static str,
    /// In order.
    pub columns: Vec<ColumnSchema>,
    /// Sets of columns that hold no two equal rows. May miss some.
    pub keys: Vec<KeySchema>,
    /// What tests of the project prove of it. Rewrites lean on the facts of sources, not on these.
    pub tests: Vec<TestSchema>,
}

/// A column of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnSchema {
    /// As written.
    pub name: String,
    /// SQL type in the project's target dialect; `null` where nobody says.
    #[serde(rename = "type")]
    pub data_type: Option<String>,
    /// What gives it its type.
    pub type_from: FactSource,
    /// Whether NULL may occur; may be `true` where none does.
    pub nullable: bool,
    /// Why no NULL occurs; `null` where it may.
    pub not_null_from: Option<FactSource>,
}

/// A key of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeySchema {
    /// Columns; none where there is at most one row.
    pub columns: Vec<String>,
    /// What makes it a key.
    pub from: FactSource,
}

/// Where a fact comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactSource {
    /// `declared` of a source, known of another `model`, or `inferred` from an operator.
    pub kind: &'static str,
    /// Key of the source or name of the model.
    pub table: Option<String>,
    /// Columns of the source or model that it is about.
    pub columns: Vec<String>,
    /// Who declared it: a file, a test, the database.
    pub by: Option<String>,
    /// The operator that made it, in the words of SQL.
    pub operator: Option<&'static str>,
    /// The expression or the reason.
    pub because: Option<String>,
}

/// What a test proves of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestSchema {
    /// Name of the test.
    pub test: String,
    /// `unique`, `not_null`, `references` or `one_of`.
    pub claim: &'static str,
    /// Columns of the model.
    pub columns: Vec<String>,
    /// For `references`: the relation, and its columns after it; for `one_of` the values.
    pub of: Vec<String>,
}

/// Where the columns of a project's models come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProjectLineage {
    /// Name of the project.
    pub project: String,
    /// Upstream before downstream.
    pub models: Vec<ModelLineage>,
    /// What there is to tell whoever wrote the input, worst first.
    pub diagnostics: Vec<Diagnostic>,
}

/// Where the columns of a model come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelLineage {
    /// Name.
    pub name: String,
    /// Path within the project.
    pub path: String,
    /// `bound`, or `opaque`: then nothing of its columns is known.
    pub state: &'static str,
    /// Keys of the tables and models that it reads.
    pub reads: Vec<String>,
    /// In order.
    pub columns: Vec<ColumnLineage>,
    /// What decides which rows there are: every column depends on it as well. Followed to sources.
    pub rows: Vec<Origin>,
    /// The same, of the tables and models that the model itself reads.
    pub direct_rows: Vec<Origin>,
}

/// Where a column of a model comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnLineage {
    /// As written.
    pub name: String,
    /// Columns that this column alone depends on, followed to sources and opaque models.
    pub from: Vec<Origin>,
    /// The same, of the tables and models that the model itself reads.
    pub direct: Vec<Origin>,
}

/// A column that something depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Origin {
    /// Key of the table or model.
    pub table: String,
    /// Folded name of the column.
    pub column: String,
    /// `value`, `filter`, `join`, `group` or `order`.
    pub by: &'static str,
}
