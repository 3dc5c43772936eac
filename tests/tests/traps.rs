//! Projects full of traps, each of which once gave other rows or an error: every model must give the
//! rows of its text, in the project's own dialect, and most of them must have been changed.

use isomer_engines::EngineKind;
use isomer_ir::Dialect;
use isomer_service::execute;
use isomer_tests::{file_name, folders, optimised, repository, with_stack};

#[test]
fn traps_give_the_rows_of_the_models_as_written() {
    let traps = folders(&repository("tests/traps"));
    assert!(traps.len() >= 3, "found {} folders", traps.len());
    for trap in traps {
        let name = file_name(&trap);
        let (verification, n_changed) = with_stack(move || {
            let mut optimised = optimised(&trap);
            let engine = match optimised.project.project.target {
                Dialect::DataFusion => EngineKind::DataFusion,
                Dialect::DuckDb | Dialect::Postgres | Dialect::Spark | Dialect::Snowflake | Dialect::BigQuery => {
                    EngineKind::DuckDb
                }
            };
            let n_changed = optimised.pipeline.steps.iter().filter(|step| step.is_changed).count();
            (
                execute::verify(&mut optimised, execute::Site::new(engine, &trap), &mut |_| {}).expect("both ways run"),
                n_changed,
            )
        });
        for model in &verification.models {
            assert_eq!(model.verdict, "equal", "{name}: {}\n{}", model.name, model.details.join("\n"));
        }
        assert!(n_changed * 2 >= verification.models.len(), "{name}: only {n_changed} models are changed");
    }
}
