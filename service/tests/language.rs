//! `LANGUAGE.md` is true: its rules load and keep their own cases, and its tutorial, done command by
//! command with the built program, gives what it shows.

mod command;

use std::fs;
use std::path::Path;

use command::{codes, isomer, project};

const PAGE: &str = include_str!("../../LANGUAGE.md");

/// A fenced block: the heading that it stands under, what is said behind the fence, its text, and its line.
struct Block {
    heading: &'static str,
    info: &'static str,
    text: String,
    line: usize,
}

fn blocks() -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut heading = "";
    let mut open = false;
    for (line, text) in PAGE.lines().enumerate() {
        if let Some(info) = text.strip_prefix("```") {
            if !open {
                blocks.push(Block { heading, info, text: String::new(), line: line + 1 });
            }
            open = !open;
        } else if open {
            let block = blocks.last_mut().expect("a block is open");
            block.text.push_str(text);
            block.text.push('\n');
        } else if let Some(title) = text.strip_prefix("## ") {
            heading = title;
        }
    }
    blocks
}

#[test]
fn every_rule_of_the_page_loads_and_keeps_its_cases() {
    let mut n_rules = 0;
    for block in blocks().iter().filter(|block| block.info.starts_with("rules")) {
        // A part of a rule is one under a head, a budget one of a rule that has a match.
        let text = match block.info {
            "rules part" if block.text.starts_with("budget") => {
                format!("rule snippet \"T.\"\n  for x expr\n  match abs(abs($x)) => abs($x)\n{}", block.text)
            }
            // It may give other rows, as the one for approximate counts does.
            "rules part" => format!("rule snippet \"T.\"\n  class lossy(\"some\")\n  for x expr\n{}", block.text),
            _ => block.text.clone(),
        };
        n_rules += text.matches("rule ").count();
        let folder = project(&[("snippet.rules", text.as_bytes())]);
        let told = isomer(folder.path(), &["rules", "test", "snippet.rules"]);
        let place = format!("LANGUAGE.md:{}", block.line);
        if text.starts_with("fact") {
            assert!(!told.stderr.contains("RULE-"), "{place}: {told:?}");
            continue;
        }
        assert_eq!(codes(&told, "error"), [""; 0], "{place}: {told:?}");
        let expect = if block.info == "rules fails" { 1 } else { 0 };
        assert_eq!(told.exit, Some(expect), "{place}: {told:?}");
    }
    assert!(n_rules >= 6, "{n_rules} rules were found");
}

#[test]
fn the_tutorial_leads_to_a_changed_plan() {
    let folder = project(&[]);
    let mut n_commands = 0;
    for block in blocks().iter().filter(|block| block.heading == "A rule in a project") {
        if let Some((_, path)) = block.info.split_once(' ').filter(|(kind, _)| *kind != "rules") {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder can be made");
            fs::write(path, &block.text).expect("a file can be written");
            continue;
        }
        let mut shown = String::new();
        for line in block.text.lines() {
            let place = format!("LANGUAGE.md:{}: {line}", block.line);
            if let Some(typed) = line.strip_prefix("$ isomer ") {
                let told = isomer(folder.path(), &typed.split_whitespace().collect::<Vec<_>>());
                assert_eq!(told.exit, Some(0), "{place}\n{told:?}");
                shown = told.stdout;
                n_commands += 1;
            } else if line.trim() != "…" {
                assert!(shown.contains(line.trim()), "{place}\nis not in\n{shown}");
            }
        }
    }
    assert_eq!(n_commands, 4);
}
