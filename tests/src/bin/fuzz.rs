//! Mutated SQL through the parser, the binder, the emitters and the optimizer: nothing may panic, hang or
//! give SQL that is not read again.
//!
//! `fuzz [--seconds N] [--from SEED]`; the inputs of a seed are always the same, so that a run that
//! is killed goes on at the last seed that it printed.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use isomer_codegen::{to_sql, to_substrait};
use isomer_frontend::{ProjectFiles, bind_query, read_schema};
use isomer_ir::{Arena, Catalog, Dialect, Table};
use isomer_service::optimize::{self, Request};
use isomer_tests::queries::{Random, TABLES, query};
use isomer_tests::{folders, optimised, repository, with_stack};
use serde_json::{Value, json};

/// Longest time that an input may take in a debug build.
const MAX_TIME: Duration = Duration::from_secs(20);
/// Most bytes of an input.
const MAX_BYTES: usize = 60_000;
/// One in so many inputs that bind is optimised, which takes longest.
const OPTIMISED_SHARE: usize = 8;
/// Seeds between two lines of progress.
const PROGRESS: u64 = 2_000;

/// Pieces that grammars trip over.
const SCRAPS: &[&str] = &[
    "(",
    ")",
    ",",
    ".",
    "*",
    "'",
    "\"",
    "`",
    "--",
    "/*",
    "*/",
    ";",
    "::",
    "[",
    "]",
    "{",
    "}",
    ":",
    "?",
    "$1",
    "->",
    "->>",
    "NULL",
    "NOT",
    "IS",
    "IN",
    "BETWEEN",
    "CASE",
    "WHEN",
    "END",
    "EXISTS",
    "DISTINCT",
    "ALL",
    "ANY",
    "OVER",
    "FILTER",
    "PARTITION BY",
    "ORDER BY",
    "GROUP BY",
    "HAVING",
    "QUALIFY",
    "LIMIT",
    "OFFSET",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "WITH",
    "RECURSIVE",
    "LATERAL",
    "UNNEST",
    "PIVOT",
    "UNPIVOT",
    "ROLLUP",
    "CUBE",
    "GROUPING SETS",
    "VALUES",
    "USING",
    "NATURAL",
    "FULL",
    "CROSS",
    "SEMI",
    "ANTI",
    "ASOF",
    "INTERVAL",
    "DATE",
    "CAST",
    "TRY_CAST",
    "EXTRACT",
    "ARRAY",
    "STRUCT",
    "lambda",
    "EXCLUDE",
    "REPLACE",
    "WITHIN GROUP",
    "IGNORE NULLS",
    "RANGE",
    "ROWS",
    "UNBOUNDED",
    "PRECEDING",
    "9223372036854775808",
    "-9223372036854775808",
    "1e400",
    "0.000000000000000000000000000000000000001",
    "''",
    "'\\'",
    "DATE '0000-00-00'",
    "INTERVAL '9999999999' YEAR",
    "99999999999999999999999999999999999999",
    "1/0",
    "x'0g'",
    "\u{0}",
    "\u{1F600}",
    "ÄÖ",
    "sum",
    "count(*)",
    "row_number()",
    "t",
    "t.x",
    "t.*",
    "lineitem",
    "l_orderkey",
];

fn main() -> Result<(), Box<dyn Error>> {
    let (mut seconds, mut from) = (60, 0);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = arguments.next().ok_or("each option takes a number")?.parse()?;
        match argument.as_str() {
            "--seconds" => seconds = number,
            "--from" => from = number,
            other => return Err(format!("`{other}` is no option").into()),
        }
    }
    let n_faults = with_stack(move || fuzz(Duration::from_secs(seconds), from));
    if n_faults == 0 { Ok(()) } else { Err(format!("{n_faults} faults").into()) }
}

fn fuzz(time: Duration, from: u64) -> usize {
    let corpus = corpus();
    let catalog = catalog();
    // A fault is told with its input, so that the default report would only repeat it.
    std::panic::set_hook(Box::new(|_| {}));
    let start = Instant::now();
    let mut tally: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut n_faults = 0;
    let mut seed = from;
    while start.elapsed() < time {
        if seed.is_multiple_of(PROGRESS) {
            told(&format!("seed {seed}: {tally:?}"));
        }
        let mut random = Random::new(seed);
        let text = mutated(&mut random, &corpus);
        let dialect = Dialect::ALL[random.below(Dialect::ALL.len())];
        let is_optimised = random.below(OPTIMISED_SHARE) == 0;
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| judge(&text, dialect, &catalog, is_optimised)));
        let took = begun.elapsed();
        let fault = match outcome {
            Ok(Ok(word)) => {
                *tally.entry(word).or_default() += 1;
                (took > MAX_TIME).then(|| format!("took {took:?}"))
            }
            Ok(Err(fault)) => Some(fault),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
                Some(format!("panics: {}", text.unwrap_or_default()))
            }
        };
        if let Some(fault) = fault {
            n_faults += 1;
            told(&format!("== seed {seed}, {dialect}: {fault}\n{text}\n=="));
        }
        seed += 1;
    }
    told(&format!("{} inputs in {:?}: {tally:?}, {n_faults} faults", seed - from, start.elapsed()));
    n_faults
}

/// Progress must be seen when the process is killed.
fn told(line: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

/// What came of a text: a word, or a fault of ours.
fn judge(text: &str, dialect: Dialect, catalog: &Catalog, is_optimised: bool) -> Result<&'static str, String> {
    let source: Arc<str> = Arc::from("fuzz");
    let mut arena = Arena::default();
    let (output, told, _) = bind_query(text, &source, dialect, &mut arena, catalog);
    let Some(output) = output else {
        return if told.is_empty() { Err("refused without a diagnostic".to_owned()) } else { Ok("refused") };
    };
    for target in Dialect::ALL {
        let Ok(sql) = to_sql(&output, &mut arena, catalog, target) else { continue };
        let (again, told, _) = bind_query(&sql, &source, target, &mut Arena::default(), catalog);
        if again.is_none_or(|again| again.columns.len() != output.columns.len()) {
            let told: Vec<&str> = told.iter().map(|told| told.message.as_str()).collect();
            return Err(format!("our SQL for {target} is not read again: {}\n{sql}", told.join("; ")));
        }
    }
    let _ = to_substrait(&output, &mut arena, catalog);
    if !is_optimised {
        return Ok("bound");
    }
    let mut files = ProjectFiles::new();
    files.insert("isomer.yml".to_owned(), json!({"dialect": dialect.to_string()}).to_string().into_bytes());
    files.insert("models/a.sql".to_owned(), text.as_bytes().to_vec());
    let connected: Vec<Table> = catalog.tables().cloned().collect();
    let answer = optimize::run(&Request { files, connected, ..Request::default() });
    match answer.optimised {
        None => Err("binds alone and not in a project".to_owned()),
        Some(_) if answer.diagnostics.iter().any(|told| told.code.starts_with("PLAN-000")) => {
            let told: Vec<&str> = answer.diagnostics.iter().map(|told| told.message.as_str()).collect();
            Err(format!("optimised wrongly: {}", told.join("; ")))
        }
        Some(_) => Ok("optimised"),
    }
}

/// Tables of TPC-H, of the generated queries and of Calcite's pairs.
fn catalog() -> Catalog {
    let mut catalog = optimised(&repository("examples/tpch")).project.project.catalog;
    let columns = |columns: &[(&str, &str)]| {
        columns.iter().map(|(name, of)| format!("{name} {of}")).collect::<Vec<_>>().join(", ")
    };
    let mut schema = fs::read_to_string(repository("tests/pairs/calcite.sql")).unwrap_or_default();
    for (name, of) in TABLES {
        schema.push_str(&format!("\nCREATE TABLE {name} ({});", columns(of)));
    }
    for table in read_schema(&schema, &Arc::from("schema"), Dialect::DuckDb).0.tables() {
        catalog.insert(table.clone());
    }
    catalog
}

/// Texts to begin with: models of the examples and golden cases, queries of the pairs, generated ones.
fn corpus() -> Vec<String> {
    let mut texts: Vec<String> = (0..1500).map(query).collect();
    let mut projects = folders(&repository("examples"));
    projects.extend(folders(&repository("tests/golden")).iter().flat_map(|family| folders(family)));
    for project in projects {
        let Ok(models) = fs::read_dir(project.join("models")) else { continue };
        let mut paths: Vec<_> = models.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let sql = paths.iter().filter(|path| path.extension().is_some_and(|end| end == "sql"));
        texts.extend(sql.filter_map(|path| fs::read_to_string(path).ok()));
    }
    for file in ["tests/pairs/calcite.jsonl", "tests/pairs/cockroach.jsonl"] {
        for line in fs::read_to_string(repository(file)).unwrap_or_default().lines() {
            let Ok(pair) = serde_json::from_str::<Value>(line) else { continue };
            texts.extend(["q1", "q2"].iter().filter_map(|key| Some(pair[key].as_str()?.to_owned())));
        }
    }
    texts
}

/// A text of the corpus with a few changes, most of them by words.
fn mutated(random: &mut Random, corpus: &[String]) -> String {
    let mut words = words(&corpus[random.below(corpus.len())]);
    for _ in 0..random.below(5) {
        let at = random.below(words.len() + 1);
        let end = (at + 1 + random.below(4)).min(words.len());
        match random.below(9) {
            0 => drop(words.drain(at.min(end)..end)),
            1 if at < words.len() => words[at] = SCRAPS[random.below(SCRAPS.len())].to_owned(),
            2 => words.insert(at, SCRAPS[random.below(SCRAPS.len())].to_owned()),
            3 if at < end => {
                let copied = words[at..end].to_vec();
                let to = random.below(words.len());
                words.splice(to..to, copied);
            }
            4 => {
                let other = self::words(&corpus[random.below(corpus.len())]);
                let start = random.below(other.len() + 1);
                let stop = (start + random.below(12)).min(other.len());
                words.splice(at..at, other[start.min(stop)..stop].iter().cloned());
            }
            5 => {
                let other = &corpus[random.below(corpus.len())];
                words.insert(at, format!("(SELECT * FROM ({}) AS q{at})", other.trim_end().trim_end_matches(';')));
            }
            6 if at < end => {
                let n = 1 << random.below(9);
                let inner = words[at..end].join(" ");
                words.splice(at..end, [format!("{}{inner}{}", "(".repeat(n), ")".repeat(n))]);
            }
            7 if at + 1 < words.len() => words.swap(at, at + 1),
            _ if at < words.len() => {
                let mut characters: Vec<char> = words[at].chars().collect();
                let place = random.below(characters.len() + 1);
                if place < characters.len() {
                    characters[place] = char::from(u8::try_from(32 + random.below(95)).unwrap_or(b' '));
                }
                words[at] = characters.into_iter().collect();
            }
            _ => {}
        }
    }
    let mut text = words.join(" ");
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Words, numbers, quoted texts and signs, without the space between them.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len())
        } else if first == '\'' || first == '"' {
            rest[1..].find(first).map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("--") {
            rest.find('\n').map_or(rest.len(), |end| end + 1)
        } else {
            first.len_utf8()
        };
        words.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    words
}
