//! In which order models are bound: upstream first whatever their names, circles never.

use isomer_frontend::{ProjectFiles, ReadOptions, bind_project, read_project};
use isomer_ir::{Bound, BoundProject};

fn project(models: &[(String, String)]) -> BoundProject {
    let mut files = ProjectFiles::new();
    let settings = "version: 1\nsources:\n  t:\n    columns:\n      a: {type: integer}\n";
    files.insert("isomer.yml".to_owned(), settings.as_bytes().to_vec());
    for (name, sql) in models {
        files.insert(format!("models/{name}.sql"), sql.as_bytes().to_vec());
    }
    let (project, found) = read_project(&files, &ReadOptions::default());
    assert_eq!(found, []);
    bind_project(project.expect("the project is read"))
}

fn order(bound: &BoundProject) -> Vec<&str> {
    bound.order.iter().map(|&position| &*bound.project.models[position].name).collect()
}

fn opaque(bound: &BoundProject) -> Vec<&str> {
    let models = bound.project.models.iter().zip(&bound.models);
    let opaque = models.filter(|(_, model)| matches!(model.bound, Bound::Opaque));
    opaque.map(|(model, _)| &*model.name).collect()
}

#[test]
fn names_that_run_against_the_data_make_no_difference() {
    // Together far more text than the trees that are kept, so that some are parsed twice.
    let filler = format!("-- {}\n", "x".repeat(40_000));
    let chain = |name: &dyn Fn(usize) -> String| -> BoundProject {
        let sql = |n: usize| match n {
            0 => format!("{filler}SELECT a, a + 0 AS b0 FROM t"),
            _ => format!("{filler}SELECT *, b{} + {n} AS b{n} FROM {}", n - 1, name(n - 1)),
        };
        project(&(0..30).map(|n| (name(n), sql(n))).collect::<Vec<_>>())
    };
    let downwards = |n: usize| format!("m{:02}", 90 - n);
    let upwards = |n: usize| format!("m{n:02}");
    for name in [&downwards as &dyn Fn(usize) -> String, &upwards] {
        let bound = chain(name);
        assert_eq!(bound.diagnostics, []);
        assert_eq!(order(&bound), (0..30).map(name).collect::<Vec<_>>());
        let Bound::Plan(last) = &bound.models[*bound.order.last().unwrap()].bound else { panic!("it is bound") };
        assert_eq!(last.columns.len(), 31);
    }
}

#[test]
fn circles_and_what_is_behind_them_are_not_bound() {
    let bound = project(&[
        ("behind".to_owned(), "SELECT a FROM x".to_owned()),
        ("beside".to_owned(), "SELECT a FROM t".to_owned()),
        ("into".to_owned(), "SELECT l.a FROM beside l, z r".to_owned()),
        ("itself".to_owned(), "SELECT a FROM itself".to_owned()),
        ("last".to_owned(), "SELECT a FROM beside".to_owned()),
        ("x".to_owned(), "SELECT a FROM z".to_owned()),
        ("z".to_owned(), "SELECT a FROM x".to_owned()),
    ]);
    assert_eq!(opaque(&bound), ["behind", "into", "itself", "x", "z"]);
    assert_eq!(order(&bound), ["beside", "last", "behind", "into", "itself", "x", "z"]);
    let told: Vec<(&str, &str)> = bound.diagnostics.iter().map(|told| (told.code, &*told.message)).collect();
    let circle = "models read each other in a circle: ";
    let [itself, both] = ["itself -> itself", "x -> z -> x"].map(|names| format!("{circle}{names}"));
    assert_eq!(told, [("PRJ-0030", &*itself), ("PRJ-0030", &*both)]);
}

#[test]
fn what_reads_an_opaque_model_says_so_once() {
    let bound = project(&[
        ("a_last".to_owned(), "SELECT a FROM b_next".to_owned()),
        ("b_next".to_owned(), "SELECT a FROM c_broken".to_owned()),
        ("c_broken".to_owned(), "SELECT nothing FROM t".to_owned()),
        ("d_whole".to_owned(), "SELECT a FROM t".to_owned()),
    ]);
    assert_eq!(opaque(&bound), ["a_last", "b_next", "c_broken"]);
    assert_eq!(order(&bound), ["c_broken", "b_next", "a_last", "d_whole"]);
    let codes: Vec<&str> = bound.diagnostics.iter().map(|told| told.code).collect();
    assert_eq!(codes, ["SQL-0017", "SQL-0017", "SQL-0007"]);
}
