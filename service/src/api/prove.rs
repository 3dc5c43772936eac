//! What `isomer prove` says.

use serde::Serialize;

/// Whether two queries give the same rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Equality {
    /// `proved`, `refuted` or `unknown`; of a model of two projects also `added` and `removed`.
    pub verdict: &'static str,
    /// How it was proved: `identical`, `normal_form` or `sums`.
    pub method: Option<&'static str>,
    /// In a sentence.
    pub reason: Option<String>,
    /// What the proof takes for granted beside the declared facts.
    pub assumptions: Vec<String>,
    /// Rules that fired on the first query, sorted.
    pub first_rules: Vec<String>,
    /// Rules that fired on the second query, sorted.
    pub second_rules: Vec<String>,
    /// The two in the form in which they were compared.
    pub forms: Option<[String; 2]>,
    /// A database that tells them apart.
    pub refutation: Option<Refutation>,
    /// Databases on which both were compared.
    pub n_databases: usize,
}

/// A database on which two queries differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refutation {
    /// `rows`, `first_fails` or `second_fails`.
    pub difference: &'static str,
    /// `CREATE TABLE` and `INSERT` statements.
    pub database: String,
    /// Rows of the first query, or why it fails.
    pub first: Vec<String>,
    /// Rows of the second query, or why it fails.
    pub second: Vec<String>,
}

/// The verdict of a model that two versions of a project have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelEquality {
    /// Name.
    pub model: String,
    /// Verdict.
    #[serde(flatten)]
    pub equality: Equality,
}
