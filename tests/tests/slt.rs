//! The files of `tests/slt`, a construct each: the rows that they say come of each query as it is
//! written, and of what is spelled for DuckDB and for DataFusion, from the bound and from the
//! optimised plan.
//!
//! `UPDATE_SLT=1` writes the rows anew, from DuckDB; read the difference.

use std::fmt::Write as _;

use isomer_engines::EngineKind::{DataFusion, DuckDb};
use isomer_ir::Dialect;
use isomer_tests::slt::{UPDATE, Way, faults, files_of, refused_and_not, update};
use isomer_tests::with_stack;

fn hold(way: Way, dialects: &'static [Dialect]) {
    with_stack(move || {
        let is_update = std::env::var_os(UPDATE).is_some();
        let mut told = String::new();
        for &dialect in dialects {
            for path in files_of(dialect) {
                // One of the ways writes; the others then compare.
                if is_update && way == first_way(dialect) {
                    update(&path, dialect);
                }
                for fault in faults(&path, dialect, way) {
                    writeln!(told, "{fault}").expect("texts grow");
                }
            }
        }
        assert!(told.is_empty(), "{told}");
    });
}

fn first_way(dialect: Dialect) -> Way {
    if dialect == Dialect::DuckDb { Way::AsWritten } else { Way::Bound(DuckDb) }
}

#[test]
fn duckdb_as_written() {
    hold(Way::AsWritten, &[Dialect::DuckDb]);
}

#[test]
fn duckdb_of_the_bound_plan() {
    hold(Way::Bound(DuckDb), &Dialect::ALL);
}

#[test]
fn duckdb_of_the_optimised_plan() {
    hold(Way::Optimised(DuckDb), &Dialect::ALL);
}

#[test]
fn datafusion_of_the_bound_plan() {
    hold(Way::Bound(DataFusion), &Dialect::ALL);
}

#[test]
fn datafusion_of_the_optimised_plan() {
    hold(Way::Optimised(DataFusion), &Dialect::ALL);
}

#[test]
fn what_datafusion_is_spared_it_cannot_do() {
    with_stack(|| {
        let mut told = String::new();
        for dialect in Dialect::ALL {
            for path in files_of(dialect) {
                let stale = refused_and_not(&path, dialect, Way::Bound(DataFusion), "datafusion");
                for query in stale {
                    writeln!(told, "{}: DataFusion gives the rows of {query}", path.display()).expect("texts grow");
                }
            }
        }
        assert!(told.is_empty(), "take `skipif datafusion` away:\n{told}");
    });
}
