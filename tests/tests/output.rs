//! The JSON that `optimize` and `explain` print is what `docs/output.schema.json` says; that of
//! `rules show`, `schema` and `lineage`, what the files of those names say.

use std::fs;
use std::path::PathBuf;

use isomer_service::api::Explained;
use isomer_service::api::rule::RuleForm;
use isomer_service::explain::{self, Style};
use isomer_service::optimize::Request;
use isomer_service::{files, proof};
use isomer_tests::{answer_with_chains, folders, repository, schema, with_stack};
use serde_json::{Value, json};

#[test]
fn examples_meet_the_schema() {
    let n_projects = hold(folders(&repository("examples")));
    assert_eq!(n_projects, 7);
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

#[test]
fn columns_meet_their_schemas() {
    let read = |name: &str| -> Value {
        let text = fs::read_to_string(repository(name)).expect("the schema is there");
        serde_json::from_str(&text).expect("the schema is JSON")
    };
    let (of_schema, of_lineage) = (read("docs/schema.schema.json"), read("docs/lineage.schema.json"));
    let goldens = folders(&repository("tests/golden"));
    let projects = goldens.iter().flat_map(|family| folders(family)).chain(folders(&repository("examples")));
    for project in projects {
        let (schema, lineage) = with_stack({
            let project = project.clone();
            move || {
                let files = files::read(&project).expect("the folder can be read").files;
                let request = Request { files, ..Request::default() };
                let found = isomer_service::schema::run(&request).ok().zip(isomer_service::lineage::run(&request).ok());
                found.map(|((schema, _), (lineage, _))| (json!(schema), json!(lineage))).unzip()
            }
        });
        for (schema, found) in [(&of_schema, schema), (&of_lineage, lineage)] {
            let faults = found.map(|found| schema::faults(schema, &found)).unwrap_or_default();
            assert_eq!(faults, [""; 0], "{}", project.display());
        }
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
