//! `tpcds`: the 24 tables of TPC-DS with the columns of its specification (revision 4, section 2),
//! made by the `tpcdsgen` crate.
//!
//! The generator leaves NULLs in some columns of the fact tables; `nulls` adds more in every column
//! that is declared to allow them.

use std::io::{BufWriter, Write};

use isomer_ir::{DataType, Table};
use tempfile::NamedTempFile;
use tpcdsgen::config::{SessionBuilder, Table as Source};
use tpcdsgen::csv::csv_header;
use tpcdsgen::row::{
    CallCenterRowGenerator, CatalogPageRowGenerator, CatalogReturnsRowGenerator, CatalogSalesRowGenerator,
    CustomerAddressRowGenerator, CustomerDemographicsRowGenerator, CustomerRowGenerator, DateDimRowGenerator,
    HouseholdDemographicsRowGenerator, IncomeBandRowGenerator, InventoryRowGenerator, ItemRowGenerator,
    PromotionRowGenerator, ReasonRowGenerator, ShipModeRowGenerator, StoreReturnsRowGenerator, StoreRowGenerator,
    StoreSalesRowGenerator, TimeDimRowGenerator, WarehouseRowGenerator, WebPageRowGenerator, WebReturnsRowGenerator,
    WebSalesRowGenerator, WebSiteRowGenerator,
};

use super::Settings;
use crate::EngineError;
use crate::name::{RelationName, quoted, text_literal};

/// Largest scale factor: a temporary file of about 100 GB.
const MAX_SCALE: f64 = 100.0;

/// One table of one scale, still to be made.
#[derive(Debug, Clone)]
pub(crate) struct DsRows {
    source: Source,
    scale: f64,
    nulls: u64,
    seed: u64,
    /// Lower-case name, and whether NULL may be put there.
    columns: Vec<(String, bool)>,
}

pub(super) fn rows(table: &Table, settings: &Settings<'_>) -> Result<DsRows, EngineError> {
    let own_name = RelationName::parse(&table.sql_name)?.table.to_lowercase();
    let name = settings.text("table").unwrap_or(&own_name);
    let source = name.parse::<Source>().ok().filter(|source| *source != Source::DbgenVersion);
    let Some(source) = source else {
        return Err(settings.refused("table", name, "a table of TPC-DS"));
    };
    let scale = match settings.text("scale") {
        None => 0.1,
        Some(text) => match text.parse() {
            Ok(scale) if scale > 0.0 && scale <= MAX_SCALE => scale,
            _ => return Err(settings.refused("scale", text, &format!("a number above 0 and up to {MAX_SCALE}"))),
        },
    };
    let may_be_null = |name: &str| {
        let declared = table.columns.iter().find(|column| *column.key == *name);
        declared.is_some_and(|column| column.is_nullable && column.data_type != DataType::Unknown)
    };
    let columns = csv_header(source, ',').split(',').map(|name| (name.to_owned(), may_be_null(name))).collect();
    let nulls = (settings.share("nulls", 0.0)? * 1000.0).round() as u64;
    Ok(DsRows { source, scale, nulls, seed: settings.seed()?, columns })
}

impl DsRows {
    /// Makes the rows into a temporary file in TPC-DS's own text format.
    pub(crate) fn write(&self) -> Result<NamedTempFile, EngineError> {
        let failed = || EngineError::io("write generated rows to a temporary file");
        let mut file = tempfile::Builder::new().prefix("isomer-").suffix(".dat").tempfile().map_err(failed())?;
        let mut writer = BufWriter::with_capacity(1 << 20, file.as_file_mut());
        self.write_lines(&mut writer).and_then(|()| writer.flush()).map_err(failed())?;
        drop(writer);
        Ok(file)
    }

    /// The query that reads the file; `path` is a text literal.
    pub(crate) fn select(&self, path: &str) -> String {
        // Each line ends in a separator, which makes one more, empty, column.
        let types: Vec<String> =
            self.columns.iter().map(|(name, _)| format!("{}: 'VARCHAR'", text_literal(name))).collect();
        let shown: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(position, (name, may_be_null))| {
                let name = quoted(name);
                if *may_be_null && self.nulls > 0 {
                    let draw = format!("hash(row, {}, {position}) % 1000 >= {}", self.seed, self.nulls);
                    format!("CASE WHEN {draw} THEN {name} END AS {name}")
                } else {
                    name
                }
            })
            .collect();
        format!(
            "SELECT {} FROM (SELECT *, row_number() OVER () AS row FROM read_csv({path}, delim = '|', header = false, \
             auto_detect = false, quote = '', escape = '', nullstr = ['', 'NULL'], parallel = false, \
             columns = {{{}, 'line_end': 'VARCHAR'}}))",
            shown.join(", "),
            types.join(", ")
        )
    }

    fn write_lines(&self, to: &mut impl Write) -> std::io::Result<()> {
        let session = SessionBuilder::new().with_scale_factor(self.scale).build().map_err(std::io::Error::other)?;
        let own = session.get_scaling().get_row_count(self.source);
        // What is returned is drawn from what was sold.
        let sold = |source: Source| session.get_scaling().get_row_count(source);
        let (store, catalog, web) = (sold(Source::StoreSales), sold(Source::CatalogSales), sold(Source::WebSales));
        match self.source {
            Source::CallCenter => lines(to, CallCenterRowGenerator::new(session, own)),
            Source::CatalogPage => lines(to, CatalogPageRowGenerator::new(session, own)),
            Source::CatalogReturns => lines(to, CatalogReturnsRowGenerator::new(session, catalog)),
            Source::CatalogSales => lines(to, CatalogSalesRowGenerator::new(session, own)),
            Source::Warehouse => lines(to, WarehouseRowGenerator::new(session, own)),
            Source::ShipMode => lines(to, ShipModeRowGenerator::new(session, own)),
            Source::Reason => lines(to, ReasonRowGenerator::new(session, own)),
            Source::IncomeBand => lines(to, IncomeBandRowGenerator::new(session, own)),
            Source::HouseholdDemographics => lines(to, HouseholdDemographicsRowGenerator::new(session, own)),
            Source::CustomerDemographics => lines(to, CustomerDemographicsRowGenerator::new(session, own)),
            Source::CustomerAddress => lines(to, CustomerAddressRowGenerator::new(session, own)),
            Source::Customer => lines(to, CustomerRowGenerator::new(session, own)),
            Source::DateDim => lines(to, DateDimRowGenerator::new(session, own)),
            Source::TimeDim => lines(to, TimeDimRowGenerator::new(session, own)),
            Source::Item => lines(to, ItemRowGenerator::new(session, own)),
            Source::Promotion => lines(to, PromotionRowGenerator::new(session, own)),
            Source::Store => lines(to, StoreRowGenerator::new(session, own)),
            Source::StoreReturns => lines(to, StoreReturnsRowGenerator::new(session, store)),
            Source::StoreSales => lines(to, StoreSalesRowGenerator::new(session, own)),
            Source::WebPage => lines(to, WebPageRowGenerator::new(session, own)),
            Source::WebReturns => lines(to, WebReturnsRowGenerator::new(session, web)),
            Source::WebSales => lines(to, WebSalesRowGenerator::new(session, own)),
            Source::WebSite => lines(to, WebSiteRowGenerator::new(session, own)),
            Source::Inventory => lines(to, InventoryRowGenerator::new(session, own)),
            // Refused where the name is read.
            Source::DbgenVersion => Ok(()),
        }
    }
}

fn lines<T: std::fmt::Display>(to: &mut impl Write, rows: impl Iterator<Item = T>) -> std::io::Result<()> {
    for row in rows {
        writeln!(to, "{row}")?;
    }
    Ok(())
}
