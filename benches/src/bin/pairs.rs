//! How many pairs of queries are proved equal, with median and p99 time; see `benches/README.md`.
//!
//! `pairs FILE… [--check N] [--cross] [--list VERDICT] [--show NAME]`

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use isomer_ir::semantics::search::{Budget, Failures, Search, counterexample};
use isomer_ir::{Arena, Dialect, Output, Settings};
use isomer_rewriter::{Config, Ground, Method, Proof, prove};
use isomer_rules::RuleSet;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut files, mut show, mut list, mut n_databases, mut is_crossed) = (Vec::new(), None, None, 0, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => n_databases = arguments.next().ok_or("--check takes a number of databases")?.parse()?,
            "--cross" => is_crossed = true,
            "--show" => show = arguments.next(),
            "--list" => list = arguments.next(),
            _ => files.push(argument),
        }
    }
    let rules = isomer_rules::builtin();
    let mut out = std::io::stdout().lock();
    for file in files {
        if is_crossed {
            cross(&mut out, &rules, &file, n_databases)?;
            continue;
        }
        let mut tally = Tally::default();
        for pair in pairs_of(&file)? {
            if show.as_ref().is_some_and(|name| *name != pair.name) {
                continue;
            }
            let start = Instant::now();
            let verdict = judge(&rules, &pair.schema, &pair.first, &pair.second, n_databases);
            tally.add(&verdict, start.elapsed());
            if show.is_some() {
                writeln!(out, "{}\n{}\n{}", pair.schema, pair.first, pair.second)?;
                match &verdict {
                    Verdict::Unsupported(why) => writeln!(out, "unsupported: {why}")?,
                    Verdict::Judged(proof, search) => {
                        writeln!(
                            out,
                            "{:?}\n-- 1\n{}\n-- 2\n{}",
                            proof.method, proof.normal_forms[0], proof.normal_forms[1]
                        )?;
                        writeln!(out, "{:?}\n{:?}", proof.left, proof.right)?;
                        writeln!(out, "{:?}", proof.assumptions)?;
                        writeln!(out, "{:?}", search.counterexample)?;
                        writeln!(out, "{}\n===\n{}", proof.sums[0], proof.sums[1])?;
                    }
                }
            }
            if list.as_deref() == Some(verdict.word()) {
                let why = if let Verdict::Unsupported(why) = &verdict { why.as_str() } else { "" };
                writeln!(out, "{}\t{why}", pair.name)?;
            }
        }
        tally.print(&mut out, &file)?;
    }
    Ok(())
}

struct Pair {
    name: String,
    schema: String,
    first: String,
    second: String,
}

/// The pairs of a file. A file of the same name that ends in `.sql` is the schema of them all.
fn pairs_of(file: &str) -> Result<Vec<Pair>, Box<dyn Error>> {
    let common = std::fs::read_to_string(Path::new(file).with_extension("sql")).ok();
    let pair = |line: &str| -> Result<Pair, Box<dyn Error>> {
        let pair: Value = serde_json::from_str(line)?;
        let text = |key: &str| pair[key].as_str().unwrap_or_default().to_owned();
        let schema = common.clone().unwrap_or_else(|| text("schema"));
        Ok(Pair { name: text("name"), schema, first: text("q1"), second: text("q2") })
    };
    std::fs::read_to_string(file)?.lines().map(pair).collect()
}

/// Pairs that nobody says are equal: each first query with the second of each later pair over the same
/// schema. What is proved of these and differs is a bug of the prover.
fn cross(out: &mut impl Write, rules: &RuleSet, file: &str, n_databases: usize) -> Result<(), Box<dyn Error>> {
    let pairs = pairs_of(file)?;
    let (mut n_tried, mut n_proved, mut n_wrong) = (0, 0, 0);
    for (place, first) in pairs.iter().enumerate() {
        for second in &pairs[place + 1..] {
            if first.schema != second.schema {
                continue;
            }
            n_tried += 1;
            let verdict = judge(rules, &first.schema, &first.first, &second.second, 0);
            if !matches!(&verdict, Verdict::Judged(proof, _) if proof.method.is_some()) {
                continue;
            }
            n_proved += 1;
            let verdict = judge(rules, &first.schema, &first.first, &second.second, n_databases);
            if verdict.word() == "PROVED BUT DIFFERENT" {
                n_wrong += 1;
                writeln!(out, "{} and {}\n{}\n{}", first.name, second.name, first.first, second.second)?;
            }
        }
    }
    writeln!(out, "{file}: {n_tried} crossed pairs, {n_proved} proved, {n_wrong} of these differ")?;
    Ok(())
}

enum Verdict {
    Unsupported(String),
    Judged(Box<Proof>, Box<Search>),
}

impl Verdict {
    fn word(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => "unsupported",
            Self::Judged(proof, search) => match proof.method {
                Some(_) if search.counterexample.is_some() => "PROVED BUT DIFFERENT",
                None if search.counterexample.is_some() => "refuted",
                Some(Method::Identical) => "identical",
                Some(Method::SameClass) => "proved",
                Some(Method::SameSum) => "summed",
                None => "unknown",
            },
        }
    }
}

fn judge(rules: &RuleSet, schema: &str, left: &str, right: &str, n_databases: usize) -> Verdict {
    let source: Arc<str> = Arc::from("schema");
    let (catalog, faults) = isomer_frontend::read_schema(schema, &source, Dialect::DuckDb);
    if let Some(fault) = faults.first() {
        return Verdict::Unsupported(format!("schema: {fault}"));
    }
    let mut arena = Arena::default();
    let compiled = isomer_frontend::compile_rules(rules, &mut arena).0;
    let mut bind = |name: &str, sql: &str| -> Result<Output, String> {
        let (output, diagnostics, _) =
            isomer_frontend::bind_query(sql, &Arc::from(name), Dialect::DuckDb, &mut arena, &catalog);
        output.ok_or_else(|| diagnostics.first().map_or_else(String::new, ToString::to_string))
    };
    let bound = bind("q1", left).and_then(|left| Ok((left, bind("q2", right)?)));
    let (left, right) = match bound {
        Ok(outputs) => outputs,
        Err(why) => return Verdict::Unsupported(why),
    };
    let settings = Settings::default();
    let ground = Ground { arena: &arena, catalog: &catalog, rules: &compiled, settings: &settings };
    let proof = prove(ground, &left, &right, &Config::default());
    let budget =
        Budget { n_every: n_databases, n_random: n_databases, failures: Failures::Neither, ..Budget::default() };
    let search =
        if n_databases == 0 { Search::default() } else { counterexample(&left, &right, &arena, &catalog, &budget) };
    Verdict::Judged(Box::new(proof), Box::new(search))
}

#[derive(Default)]
struct Tally {
    counts: BTreeMap<&'static str, usize>,
    times: Vec<Duration>,
}

impl Tally {
    fn add(&mut self, verdict: &Verdict, time: Duration) {
        *self.counts.entry(verdict.word()).or_default() += 1;
        self.times.push(time);
    }

    fn print(mut self, out: &mut impl Write, file: &str) -> std::io::Result<()> {
        self.times.sort_unstable();
        let at = |share: usize| self.times.get(self.times.len() * share / 100).copied().unwrap_or_default();
        writeln!(out, "{file}: {} pairs {:?}, median {:?}, p99 {:?}", self.times.len(), self.counts, at(50), at(99))
    }
}
