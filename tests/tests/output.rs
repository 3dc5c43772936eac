//! The JSON that `optimize` and `explain` print is what `docs/output.schema.json` says; that of
//! `rules show`, what `docs/rule.schema.json` says.

use std::fs;
use std::path::PathBuf;

use isomer_service::api::Explained;
use isomer_service::api::rule::RuleForm;
use isomer_service::explain::{self, Style};
use isomer_service::proof;
use isomer_tests::{answer_with_chains, folders, repository, schema, with_stack};
use serde_json::Value;

#[test]
fn examples_meet_the_schema() {
    let n_projects = hold(folders(&repository("examples")));
    assert_eq!(n_projects, 5);
}

#[test]
fn golden_cases_meet_the_schema() {
    let families = folders(&repository("tests/golden"));
    hold(families.iter().flat_map(|family| folders(family)).collect());
}

#[test]
fn built_in_rules_meet_the_schema() {
    let text = fs::read_to_string(repository("docs/rule.schema.json")).expect("the schema is there");
    let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    for rule in isomer_rules::builtin().rules {
        let form = serde_json::to_value(RuleForm::from(&*rule)).expect("the form is JSON");
        assert_eq!(schema::faults(&schema, &form), [""; 0], "{}", rule.name);
    }
}

fn hold(projects: Vec<PathBuf>) -> usize {
    let text = fs::read_to_string(repository("docs/output.schema.json")).expect("the schema is there");
    let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let n_projects = projects.len();
    for project in projects {
        let (plain, explained) = with_stack({
            let project = project.clone();
            move || {
                let mut optimised = answer_with_chains(&project).optimised.expect("the project is optimised");
                let proofs = proof::prove(&mut optimised, &[]);
                let explanation = explain::render(&optimised, Style::Markdown);
                let plain = serde_json::to_value(&optimised.output).expect("the output is JSON");
                let explained = Explained { output: optimised.output, explanation, proofs: Some(proofs) };
                (plain, serde_json::to_value(&explained).expect("the output is JSON"))
            }
        });
        for output in [plain, explained] {
            assert_eq!(schema::faults(&schema, &output), [""; 0], "{}", project.display());
        }
    }
    n_projects
}
