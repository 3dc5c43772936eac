//! A page of text: headings, entries, fields and code, in the three styles.

use super::Style;

const BOLD: &str = "1";
const DIM: &str = "2";
const TITLE: &str = "1;36";
const NAME: &str = "1;32";
const RULE: &str = "33";

/// Text under construction. What has no place of its own is indented below the entry before it.
pub(crate) struct Page {
    style: Style,
    text: String,
    is_in_item: bool,
}

impl Page {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, text: String::new(), is_in_item: false }
    }

    pub(crate) fn finish(mut self) -> String {
        while self.text.ends_with("\n\n") {
            self.text.pop();
        }
        self.text
    }

    /// The page's title.
    pub(crate) fn title(&mut self, title: &str) {
        match self.style {
            Style::Markdown => self.push(&format!("# {title}\n\n")),
            Style::Plain | Style::Coloured => self.push(&format!("{}\n", self.paint(TITLE, title))),
        }
    }

    /// The start of a section.
    pub(crate) fn heading(&mut self, heading: &str) {
        self.gap();
        match self.style {
            Style::Markdown => self.push(&format!("## {heading}\n\n")),
            Style::Plain | Style::Coloured => {
                let rule = "─".repeat(72_usize.saturating_sub(heading.chars().count()));
                self.push(&format!("{} {}\n", self.paint(BOLD, heading), self.paint(DIM, &rule)));
            }
        }
    }

    /// A paragraph of one line.
    pub(crate) fn line(&mut self, line: &str) {
        match self.style {
            Style::Markdown => self.push(&format!("{line}\n\n")),
            Style::Plain | Style::Coloured => self.push(&format!("{line}\n")),
        }
    }

    /// A paragraph of less weight.
    pub(crate) fn note(&mut self, note: &str) {
        match self.style {
            Style::Markdown => self.push(&format!("*{note}*\n\n")),
            Style::Plain | Style::Coloured => self.push(&format!("{}\n", self.paint(DIM, note))),
        }
    }

    /// A step: its name and what there is to say of it in a few words.
    pub(crate) fn entry(&mut self, name: &str, remark: &str) {
        self.is_in_item = false;
        match self.style {
            Style::Markdown => self.push(&format!("### `{name}`\n\n{remark}\n\n")),
            Style::Plain | Style::Coloured => {
                self.gap();
                self.push(&format!("{}  {}\n", self.paint(NAME, name), self.paint(DIM, remark)));
            }
        }
    }

    /// A numbered item of an entry; what follows belongs to it until `end_items`.
    pub(crate) fn item(&mut self, n: usize, name: &str, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.is_in_item = true;
        match self.style {
            Style::Markdown => self.push(&format!("{n}. **`{name}`** {text}\n\n")),
            Style::Plain | Style::Coloured => {
                self.push(&format!("  {n}. {}\n", self.paint(RULE, name)));
                for line in wrapped(&text, 88) {
                    self.push(&format!("     {line}\n"));
                }
            }
        }
    }

    pub(crate) fn end_items(&mut self) {
        self.is_in_item = false;
    }

    /// A labelled value of an entry or item.
    pub(crate) fn field(&mut self, label: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let indent = self.indent();
        match self.style {
            Style::Markdown => self.push(&format!("{indent}- {label}: {value}\n\n")),
            Style::Plain | Style::Coloured => {
                let label = self.paint(DIM, &format!("{label:<8}"));
                self.push(&format!("{indent}{label} {value}\n"));
            }
        }
    }

    /// SQL below a label.
    pub(crate) fn code(&mut self, label: &str, code: &str) {
        let indent = self.indent();
        match self.style {
            Style::Markdown => {
                // A fence longer than any in the code cannot be closed by it.
                let fence = "`".repeat(longest_run(code, '`').max(2) + 1);
                self.push(&format!("{indent}{label}:\n\n{indent}{fence}sql\n"));
                for line in code.trim_end().lines() {
                    self.push(format!("{indent}{line}").trim_end());
                    self.push("\n");
                }
                self.push(&format!("{indent}{fence}\n\n"));
            }
            Style::Plain | Style::Coloured => {
                let bar = self.paint(DIM, "│");
                self.push(&format!("{indent}{}\n", self.paint(DIM, label)));
                for line in code.trim_end().lines() {
                    self.push(format!("{indent}{bar} {line}").trim_end());
                    self.push("\n");
                }
            }
        }
    }

    /// Lines as they are, below an entry.
    pub(crate) fn text(&mut self, text: &str) {
        let indent = match self.style {
            Style::Markdown => "    ",
            Style::Plain | Style::Coloured => "  ",
        };
        for line in text.lines() {
            self.push(&format!("{indent}{line}\n"));
        }
        if self.style == Style::Markdown {
            self.push("\n");
        }
    }

    /// Rows below a header; columns are as wide as their widest cell, the last one is free.
    pub(crate) fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        if self.style == Style::Markdown {
            self.push(&format!("| {} |\n|{}\n", header.join(" | "), "---|".repeat(header.len())));
            for row in rows {
                let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
                self.push(&format!("| {} |\n", cells.join(" | ")));
            }
            self.push("\n");
            return;
        }
        let widths: Vec<usize> = (0..header.len())
            .map(|i| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0))
            .collect();
        for row in rows {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
            self.push(&format!("  {}\n", cells.join("  ").trim_end()));
        }
    }

    /// Text of more weight within a line.
    pub(crate) fn strong(&self, text: &str) -> String {
        match self.style {
            Style::Markdown => format!("**{text}**"),
            Style::Plain | Style::Coloured => self.paint(BOLD, text),
        }
    }

    fn indent(&self) -> &'static str {
        match (self.style, self.is_in_item) {
            (Style::Markdown, false) => "",
            (Style::Markdown, true) => "   ",
            (Style::Plain | Style::Coloured, false) => "  ",
            (Style::Plain | Style::Coloured, true) => "     ",
        }
    }

    /// An empty line, unless there is one.
    pub(crate) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.style {
            Style::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Style::Plain | Style::Markdown => text.to_owned(),
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn longest_run(text: &str, wanted: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for found in text.chars() {
        run = if found == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::{Page, Style};

    #[test]
    fn code_cannot_close_its_fence() {
        let mut page = Page::new(Style::Markdown);
        page.code("now", "SELECT '```'");
        assert_eq!(page.finish(), "now:\n\n````sql\nSELECT '```'\n````\n");
    }

    #[test]
    fn plain_text_has_no_escape_codes() {
        let mut page = Page::new(Style::Plain);
        page.title("t");
        page.entry("e", "r");
        page.item(1, "eliminate-x", "a long\n   doc");
        page.field("cost", "1");
        assert_eq!(page.finish(), "t\n\ne  r\n  1. eliminate-x\n     a long doc\n     cost     1\n");
    }
}
