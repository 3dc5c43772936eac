//! All 22 TPC-H queries give the same rows as written and as optimised, on both embedded engines.

use isomer_engines::EngineKind;
use isomer_tests::examples::TPCH;
use isomer_tests::with_stack;

#[test]
fn tpch_on_duckdb() {
    with_stack(|| TPCH.verify(EngineKind::DuckDb));
}

#[test]
fn tpch_on_datafusion() {
    with_stack(|| TPCH.verify(EngineKind::DataFusion));
}
