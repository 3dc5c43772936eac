//! Judges machine-discovered rules: which the search for counterexamples admits, which the catalogue
//! implies, and how many faults the search finds when a constraint is taken away.
//!
//! `wetune FILE [--quick] [--only NAME] [--list WORD] [--mutants] [--markdown] [--rules]`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::time::Duration;

use isomer_benches::wetune::{Effort, Found, Judge, Verdict, Weighed, converted, judged, mutants, read, weighed};

/// What the document says before its tables.
const HEAD: &str = "# Machine-discovered rules

WeTune (Wang et al., SIGMOD 2022) searched for rewrite rules by machine; `tests/wetune/rules.tsv` holds 411 of them.
`wetune --markdown` of `benches` wrote this page.

Each rule is made into queries over declared tables: lists of one column, of two, and lists that coincide, with several predicates, some of which NULL satisfies, and with functions of three kinds.
The search for counterexamples admits a rule or refutes it.
A rule is proved where `isomer prove` proves every instance for which the search admits it: then the built-in rules and the prover already hold it.

- *min, max, DISTINCT*: the rule is right for functions to which repeated rows make no difference, and a count or sum refutes it.
- *min, max*: it needs a function that gives back the value of a group of equal values.
- *keys without NULL*: a unique column that may be NULL refutes it.
- *refuted*: it is wrong for every function, or has none.";

/// Stack of a thread that judges: plans are walked to their ends.
const STACK_BYTES: usize = 256 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => options.is_quick = true,
            "--rules" => options.is_converted = true,
            "--markdown" => options.is_markdown = true,
            "--mutants" => options.has_mutants = true,
            "--deep" => options.n_deep = arguments.next().and_then(|n| n.parse().ok()),
            "--only" => options.only = arguments.next(),
            "--list" => options.list = arguments.next(),
            _ => options.file = argument,
        }
    }
    let thread = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || run(&options).map_err(|error| error.to_string()))?;
    Ok(thread.join().map_err(|_| "the judging thread ended early")??)
}

#[derive(Debug, Default)]
struct Options {
    file: String,
    is_quick: bool,
    has_mutants: bool,
    is_converted: bool,
    is_markdown: bool,
    n_deep: Option<usize>,
    only: Option<String>,
    list: Option<String>,
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let rules = read(&std::fs::read_to_string(&options.file)?)?;
    let mut out = std::io::stdout().lock();
    if options.is_converted {
        return Ok(print_rules(&rules, &mut out)?);
    }
    let (effort, judge) = if options.is_quick {
        (Effort::Quick, Judge::new(&isomer_rules::builtin(), 100, 60, 300))
    } else {
        (Effort::Full, Judge::new(&isomer_rules::builtin(), 1_000, 500, options.n_deep.unwrap_or(20_000)))
    };
    let mut judgements: Vec<(&Found, Verdict)> = Vec::new();
    for rule in rules.iter().filter(|rule| options.only.as_ref().is_none_or(|only| *only == rule.name)) {
        let verdict = judged(rule, &judge, effort);
        let implied = if verdict.is_implied { "implied" } else { "-" };
        let word = verdict.admission.word();
        if options.list.as_deref().is_some_and(|list| list == "all" || list == word || list == implied) {
            writeln!(out, "{}\t{word}\t{implied}\t{} => {}", rule.name, rule.left, rule.right)?;
        }
        if options.only.is_some() {
            writeln!(out, "{}", verdict.note)?;
        }
        for contradiction in &verdict.contradictions {
            writeln!(out, "PROVED AND REFUTED {}\n{contradiction}", rule.name)?;
        }
        judgements.push((rule, verdict));
    }
    if options.is_markdown {
        markdown(&judgements, &mut out)?;
        return Ok(());
    }
    counts(&judgements, &mut out)?;
    if options.has_mutants {
        let mut tally: BTreeMap<(bool, Weighed), usize> = BTreeMap::new();
        for (rule, verdict) in judgements.iter().filter(|(_, verdict)| verdict.admission.is_admitted()) {
            for mutant in mutants(rule) {
                let (found, note) = weighed(&mutant, &rule.constraints, verdict.admission, &judge, effort);
                *tally.entry((mutant.is_link, found)).or_default() += 1;
                if found != Weighed::Refuted {
                    writeln!(out, "{found:?}\t{}\t{}", rule.name, mutant.dropped)?;
                }
                if found == Weighed::Contradiction || options.only.is_some() {
                    writeln!(out, "{note}")?;
                }
            }
        }
        for ((is_link, found), n) in tally {
            writeln!(out, "{}\t{found:?}\t{n}", if is_link { "link" } else { "condition" })?;
        }
    }
    Ok(())
}

/// The rules that our language can say, with the others as comments, and counts of the reasons.
fn print_rules(rules: &[Found], out: &mut impl Write) -> std::io::Result<()> {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for rule in rules {
        match converted(rule) {
            Ok(text) => writeln!(out, "{text}")?,
            Err(why) => {
                writeln!(out, "-- {}: {} => {}: {why}\n", rule.name, rule.left, rule.right)?;
                *reasons.entry(why).or_default() += 1;
            }
        }
    }
    let n_open: usize = reasons.values().sum();
    writeln!(out, "-- {} of {} rules are said", rules.len() - n_open, rules.len())?;
    reasons.into_iter().try_for_each(|(why, n)| writeln!(out, "-- {n}: {why}"))
}

/// The verdicts as a document: rules of one shape and one verdict stand on one line.
fn markdown(judgements: &[(&Found, Verdict)], out: &mut impl Write) -> std::io::Result<()> {
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let mut lines: BTreeMap<(String, &str, bool), Vec<&str>> = BTreeMap::new();
    for (rule, verdict) in judgements {
        let word = verdict.admission.word();
        counts.entry(word).or_default()[usize::from(verdict.is_implied)] += 1;
        let shape = format!("{} → {}", rule.left, rule.right).replace('*', "\\*");
        lines.entry((shape, word, verdict.is_implied)).or_default().push(&rule.name);
    }
    writeln!(out, "{HEAD}\n\n| verdict | rules | proved |\n|---|--:|--:|")?;
    for (word, [open, implied]) in counts {
        writeln!(out, "| {word} | {} | {implied} |", open + implied)?;
    }
    writeln!(out, "\n## Verdicts\n\n| operators | verdict | proved | rules |\n|---|---|---|---|")?;
    lines.into_iter().try_for_each(|((shape, word, is_implied), names)| {
        writeln!(out, "| {shape} | {word} | {} | {} |", if is_implied { "yes" } else { "no" }, names.join(", "))
    })
}

fn counts(judgements: &[(&Found, Verdict)], out: &mut impl Write) -> std::io::Result<()> {
    let mut table: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (_, verdict) in judgements {
        table.entry(verdict.admission.word()).or_default()[usize::from(verdict.is_implied)] += 1;
    }
    for (word, [open, implied]) in table {
        writeln!(out, "{word}\t{}\timplied {implied}", open + implied)?;
    }
    let mut times: Vec<Duration> = judgements.iter().map(|(_, verdict)| verdict.time).collect();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    writeln!(out, "{} rules, median {:?}, p99 {:?}", times.len(), at(50), at(99))
}
