//! The parts of dbt's `manifest.json` (schema v9 to v12) and `catalog.json` that are read.

use indexmap::IndexMap;
use isomer_ir::Dialect;
use serde::Deserialize;

use super::name::sql_name;

/// A `manifest.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Manifest {
    #[serde(default)]
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) nodes: IndexMap<String, Node>,
    #[serde(default)]
    pub(crate) sources: IndexMap<String, Node>,
}

/// Who wrote a manifest.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) dbt_schema_version: Option<String>,
    pub(crate) adapter_type: Option<String>,
    pub(crate) project_name: Option<String>,
}

/// A model, seed, snapshot, test or source.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    #[serde(default)]
    pub(crate) resource_type: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) version: Option<Version>,
    pub(crate) relation_name: Option<String>,
    pub(crate) package_name: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) alias: Option<String>,
    pub(crate) identifier: Option<String>,
    #[serde(default)]
    pub(crate) original_file_path: String,
    pub(crate) language: Option<String>,
    pub(crate) compiled_code: Option<String>,
    pub(crate) raw_code: Option<String>,
    pub(crate) checksum: Option<Checksum>,
    #[serde(default)]
    pub(crate) config: NodeConfig,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) depends_on: DependsOn,
    #[serde(default)]
    pub(crate) columns: IndexMap<String, ManifestColumn>,
    pub(crate) test_metadata: Option<TestMetadata>,
    pub(crate) attached_node: Option<String>,
    pub(crate) column_name: Option<String>,
}

/// A model's version, a number or a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Version {
    Number(f64),
    Text(String),
}

/// A hash of a node's file.
#[derive(Debug, Deserialize)]
pub(crate) struct Checksum {
    #[serde(default)]
    pub(crate) checksum: String,
}

/// A node's configuration; for tests also what makes a pass less than a proof.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct NodeConfig {
    pub(crate) enabled: Option<bool>,
    pub(crate) materialized: Option<String>,
    pub(crate) severity: Option<String>,
    #[serde(rename = "where")]
    pub(crate) condition: Option<String>,
    pub(crate) limit: Option<serde_json::Value>,
    pub(crate) error_if: Option<String>,
    pub(crate) fail_calc: Option<String>,
}

/// Nodes that a node reads.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct DependsOn {
    #[serde(default)]
    pub(crate) nodes: Vec<String>,
}

/// A documented column.
#[derive(Debug, Deserialize)]
pub(crate) struct ManifestColumn {
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) data_type: Option<String>,
}

/// What a generic test tests.
#[derive(Debug, Deserialize)]
pub(crate) struct TestMetadata {
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    #[serde(default)]
    pub(crate) kwargs: serde_json::Map<String, serde_json::Value>,
}

/// A `catalog.json`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct CatalogFile {
    #[serde(default)]
    pub(crate) nodes: IndexMap<String, CatalogTable>,
    #[serde(default)]
    pub(crate) sources: IndexMap<String, CatalogTable>,
}

/// A table as the database describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct CatalogTable {
    #[serde(default)]
    pub(crate) columns: IndexMap<String, CatalogColumn>,
    #[serde(default)]
    pub(crate) stats: IndexMap<String, CatalogStat>,
}

/// A column as the database describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct CatalogColumn {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(rename = "type", default)]
    pub(crate) type_name: String,
    #[serde(default)]
    pub(crate) index: i64,
}

/// A statistic of a table.
#[derive(Debug, Deserialize)]
pub(crate) struct CatalogStat {
    pub(crate) value: Option<serde_json::Value>,
}

impl CatalogTable {
    /// Estimated rows, where the adapter tells.
    pub(crate) fn n_rows(&self) -> Option<f64> {
        let value = ["num_rows", "row_count"].iter().find_map(|key| self.stats.get(*key)?.value.as_ref())?;
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        number.filter(|number| number.is_finite() && *number >= 0.0)
    }
}

impl Node {
    /// The name under which selectors know the node: with its version, where it has one.
    pub(crate) fn full_name(&self) -> String {
        match &self.version {
            None => self.name.clone(),
            Some(Version::Number(version)) => format!("{}.v{version}", self.name),
            Some(Version::Text(version)) => format!("{}.v{version}", self.name),
        }
    }

    /// How SQL names the node's relation.
    pub(crate) fn relation(&self, dialect: Dialect) -> String {
        if let Some(relation) = self.relation_name.as_ref().filter(|relation| !relation.is_empty()) {
            return relation.clone();
        }
        let table = self.identifier.as_ref().or(self.alias.as_ref()).unwrap_or(&self.name);
        let parts = [self.database.as_ref(), self.schema.as_ref(), Some(table)];
        let parts: Vec<&str> =
            parts.into_iter().flatten().map(String::as_str).filter(|part| !part.is_empty()).collect();
        sql_name(&parts.join("."), dialect).to_string()
    }

    /// The path within the project: what packages bring lies where dbt installs them.
    pub(crate) fn path(&self, project: Option<&str>) -> String {
        match (self.package_name.as_deref(), project) {
            (Some(package), Some(project)) if package != project => {
                format!("dbt_packages/{package}/{}", self.original_file_path)
            }
            _ => self.original_file_path.clone(),
        }
    }

    /// Whether the node is a model of dbt's whose rows are to be computed.
    pub(crate) fn is_model(&self) -> bool {
        self.resource_type == "model" && self.is_enabled()
    }

    /// Whether dbt writes the node into its readers.
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.config.materialized.as_deref() == Some("ephemeral")
    }

    /// Whether the node takes part.
    pub(crate) fn is_enabled(&self) -> bool {
        self.config.enabled != Some(false)
    }
}
