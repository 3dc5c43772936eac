//! `tpch`: the eight tables of TPC-H, with the names and types of its specification (revision 3,
//! section 1.4), made by the `tpchgen` crate.

use std::io::{BufWriter, Write};

use isomer_ir::Table;
use tempfile::NamedTempFile;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};

use super::{Settings, listed};
use crate::EngineError;
use crate::name::RelationName;

/// Largest scale factor: a temporary file of about 100 GB.
const MAX_SCALE: f64 = 100.0;

/// Tables and their columns.
const TABLES: [(&str, &[(&str, &str)]); 8] = [
    (
        "customer",
        &[
            ("c_custkey", "BIGINT"),
            ("c_name", "VARCHAR"),
            ("c_address", "VARCHAR"),
            ("c_nationkey", "INTEGER"),
            ("c_phone", "VARCHAR"),
            ("c_acctbal", "DECIMAL(15,2)"),
            ("c_mktsegment", "VARCHAR"),
            ("c_comment", "VARCHAR"),
        ],
    ),
    (
        "lineitem",
        &[
            ("l_orderkey", "BIGINT"),
            ("l_partkey", "BIGINT"),
            ("l_suppkey", "BIGINT"),
            ("l_linenumber", "INTEGER"),
            ("l_quantity", "DECIMAL(15,2)"),
            ("l_extendedprice", "DECIMAL(15,2)"),
            ("l_discount", "DECIMAL(15,2)"),
            ("l_tax", "DECIMAL(15,2)"),
            ("l_returnflag", "VARCHAR"),
            ("l_linestatus", "VARCHAR"),
            ("l_shipdate", "DATE"),
            ("l_commitdate", "DATE"),
            ("l_receiptdate", "DATE"),
            ("l_shipinstruct", "VARCHAR"),
            ("l_shipmode", "VARCHAR"),
            ("l_comment", "VARCHAR"),
        ],
    ),
    (
        "nation",
        &[("n_nationkey", "INTEGER"), ("n_name", "VARCHAR"), ("n_regionkey", "INTEGER"), ("n_comment", "VARCHAR")],
    ),
    (
        "orders",
        &[
            ("o_orderkey", "BIGINT"),
            ("o_custkey", "BIGINT"),
            ("o_orderstatus", "VARCHAR"),
            ("o_totalprice", "DECIMAL(15,2)"),
            ("o_orderdate", "DATE"),
            ("o_orderpriority", "VARCHAR"),
            ("o_clerk", "VARCHAR"),
            ("o_shippriority", "INTEGER"),
            ("o_comment", "VARCHAR"),
        ],
    ),
    (
        "part",
        &[
            ("p_partkey", "BIGINT"),
            ("p_name", "VARCHAR"),
            ("p_mfgr", "VARCHAR"),
            ("p_brand", "VARCHAR"),
            ("p_type", "VARCHAR"),
            ("p_size", "INTEGER"),
            ("p_container", "VARCHAR"),
            ("p_retailprice", "DECIMAL(15,2)"),
            ("p_comment", "VARCHAR"),
        ],
    ),
    (
        "partsupp",
        &[
            ("ps_partkey", "BIGINT"),
            ("ps_suppkey", "BIGINT"),
            ("ps_availqty", "INTEGER"),
            ("ps_supplycost", "DECIMAL(15,2)"),
            ("ps_comment", "VARCHAR"),
        ],
    ),
    ("region", &[("r_regionkey", "INTEGER"), ("r_name", "VARCHAR"), ("r_comment", "VARCHAR")]),
    (
        "supplier",
        &[
            ("s_suppkey", "BIGINT"),
            ("s_name", "VARCHAR"),
            ("s_address", "VARCHAR"),
            ("s_nationkey", "INTEGER"),
            ("s_phone", "VARCHAR"),
            ("s_acctbal", "DECIMAL(15,2)"),
            ("s_comment", "VARCHAR"),
        ],
    ),
];

/// One table of one scale, still to be made.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    table: &'static str,
    columns: &'static [(&'static str, &'static str)],
    scale: f64,
}

pub(super) fn rows(table: &Table, settings: &Settings<'_>) -> Result<Rows, EngineError> {
    let own_name = RelationName::parse(&table.sql_name)?.table.to_lowercase();
    let name = settings.text("table").unwrap_or(&own_name);
    let Some((name, columns)) = TABLES.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = TABLES.iter().map(|(known, _)| *known).collect();
        return Err(settings.refused("table", name, &format!("one of {}", listed(&known))));
    };
    let scale = match settings.text("scale") {
        None => 0.1,
        Some(text) => match text.parse() {
            Ok(scale) if scale > 0.0 && scale <= MAX_SCALE => scale,
            _ => return Err(settings.refused("scale", text, &format!("a number above 0 and up to {MAX_SCALE}"))),
        },
    };
    Ok(Rows { table: name, columns, scale })
}

impl Rows {
    /// Makes the rows into a temporary file in TPC-H's own text format.
    pub(crate) fn write(&self) -> Result<NamedTempFile, EngineError> {
        let failed = || EngineError::io("write generated rows to a temporary file");
        let mut file = tempfile::Builder::new().prefix("isomer-").suffix(".tbl").tempfile().map_err(failed())?;
        let mut writer = BufWriter::with_capacity(1 << 20, file.as_file_mut());
        self.write_lines(&mut writer).and_then(|()| writer.flush()).map_err(failed())?;
        drop(writer);
        Ok(file)
    }

    /// The query that reads the file; `path` is a text literal.
    pub(crate) fn select(&self, path: &str) -> String {
        // Each line ends in a separator, which makes one more, empty, column.
        let columns = self.columns.iter().map(|(name, type_name)| format!("'{name}': '{type_name}'"));
        let columns = columns.collect::<Vec<_>>().join(", ");
        format!(
            "SELECT * EXCLUDE line_end FROM read_csv({path}, delim = '|', header = false, auto_detect = false, \
             quote = '', escape = '', columns = {{{columns}, 'line_end': 'VARCHAR'}})"
        )
    }

    fn write_lines(&self, to: &mut impl Write) -> std::io::Result<()> {
        match self.table {
            "customer" => lines(to, CustomerGenerator::new(self.scale, 1, 1).iter()),
            "lineitem" => lines(to, LineItemGenerator::new(self.scale, 1, 1).iter()),
            "nation" => lines(to, NationGenerator::new(self.scale, 1, 1).iter()),
            "orders" => lines(to, OrderGenerator::new(self.scale, 1, 1).iter()),
            "part" => lines(to, PartGenerator::new(self.scale, 1, 1).iter()),
            "partsupp" => lines(to, PartSuppGenerator::new(self.scale, 1, 1).iter()),
            "region" => lines(to, RegionGenerator::new(self.scale, 1, 1).iter()),
            _ => lines(to, SupplierGenerator::new(self.scale, 1, 1).iter()),
        }
    }
}

fn lines<T: std::fmt::Display>(to: &mut impl Write, rows: impl Iterator<Item = T>) -> std::io::Result<()> {
    for row in rows {
        writeln!(to, "{row}")?;
    }
    Ok(())
}
