//! Every golden case is executed on DuckDB as written and as optimised over equal random rows, and
//! both ways must give the same: a golden text alone would pin a wrong rewrite as well as a right one.

use isomer_engines::EngineKind;
use isomer_service::execute;
use isomer_tests::{answer, folders, repository, told, with_stack};

#[test]
fn golden_cases_give_the_rows_of_the_models_as_written() {
    let mut n_compared = 0;
    let mut n_with_rows = 0;
    let mut faults = String::new();
    for case in folders(&repository("tests/golden")).iter().flat_map(|family| folders(family)) {
        let verified = with_stack({
            let case = case.clone();
            move || -> Result<_, String> {
                let answer = answer(&case);
                let told = told(&answer);
                let mut optimised = answer.optimised.ok_or(told)?;
                if !optimised.project.project.settings.allowed.is_empty() {
                    // Consent to a lossy rule is consent to other rows.
                    return Ok(None);
                }
                let verification =
                    execute::verify(&mut optimised, execute::Site::new(EngineKind::DuckDb, &case), &mut |_| {})
                        .map_err(|fault| fault.to_string())?;
                let steps = optimised.output.steps.into_iter();
                let opaque: Vec<String> = steps.filter(|step| step.kind == "opaque").map(|step| step.name).collect();
                Ok(Some((verification, opaque)))
            }
        });
        match verified {
            Err(fault) => faults.push_str(&format!("{}: {fault}\n", case.display())),
            Ok(None) => {}
            Ok(Some((verification, opaque))) => {
                for model in verification.models {
                    n_compared += usize::from(model.verdict == "equal");
                    n_with_rows += usize::from(model.rows.is_some_and(|rows| rows > 0));
                    let details = model.details.join("\n    ");
                    match model.verdict {
                        "equal" | "skipped" => {}
                        // What is not understood need not run; it must fail in both ways alike.
                        "failed" if opaque.contains(&model.name) && model.details.len() == 2 => {}
                        verdict => {
                            faults.push_str(&format!("{}: {} {verdict}\n    {details}\n", case.display(), model.name));
                        }
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(n_compared >= 100 && n_with_rows >= 70, "{n_compared} models compared, {n_with_rows} of them with rows");
}
