//! A PostgreSQL server, spoken to through its own client `psql`.
//!
//! The client knows every way to connect that the server has (passwords, certificates, services,
//! sockets), so none of it is told again here, and the build needs no driver. Values come as texts.

mod catalog;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::EngineError;

pub use self::catalog::catalog_of_postgres;

/// How a NULL is shown; no text has this character.
const NULL: &str = "\u{1}";
/// Begins the line behind the rows of a statement.
const END: char = '\u{2}';
/// Begins the line behind the message of a statement.
const TOLD: char = '\u{3}';

/// A server to connect to. Nothing is open between two calls.
#[derive(Debug, Clone)]
pub struct Postgres {
    program: PathBuf,
    connection: String,
}

/// The rows of one statement, as texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextRows {
    /// Names of the columns; none for a statement that is no query.
    pub names: Vec<String>,
    /// The rows; `None` for a NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Postgres {
    /// The server that a project's `database` names, where it is no file: `postgresql://…` or `postgres://…`.
    #[must_use]
    pub fn named(database: &str) -> Option<Self> {
        let is_server = ["postgresql://", "postgres://"].iter().any(|start| database.starts_with(start));
        is_server.then(|| Self::new(database))
    }

    /// A server by its connection string: `postgresql://user@host:port/database` or `host=… dbname=…`.
    #[must_use]
    pub fn new(connection: &str) -> Self {
        Self::with_client(PathBuf::from("psql"), connection)
    }

    /// As [`Postgres::new`], with the path of the client.
    #[must_use]
    pub fn with_client(program: PathBuf, connection: &str) -> Self {
        Self { program, connection: connection.to_owned() }
    }

    /// Runs statements in one session, in UTC; each gives its rows or the server's message.
    /// A statement that fails leaves the later ones to run.
    ///
    /// # Errors
    ///
    /// When there is no client, or no connection.
    pub fn run(&self, statements: &[&str]) -> Result<Vec<Result<TextRows, String>>, EngineError> {
        let mut script = format!("\\pset null '{NULL}'\n");
        for statement in statements {
            let statement = statement.trim_end().trim_end_matches(';');
            script
                .push_str(&format!("{statement}\n;\n\\echo {END}:ERROR\n\\echo :LAST_ERROR_MESSAGE\n\\echo {TOLD}\n"));
        }
        let output = self.client(&script)?;
        let mut answers = Vec::with_capacity(statements.len());
        let mut rest = output.as_str();
        for _ in statements {
            // A statement with an open quote swallows the marks of all that follow.
            let Some((answer, after)) = answer(rest) else {
                answers.push(Err("the statement has no end".to_owned()));
                continue;
            };
            answers.push(answer);
            rest = after;
        }
        Ok(answers)
    }

    /// The rows of one statement.
    ///
    /// # Errors
    ///
    /// When there is no client, no connection, or the server refuses the statement.
    pub fn query(&self, sql: &str) -> Result<TextRows, EngineError> {
        let answer = self.run(&[sql])?.pop().unwrap_or_else(|| Ok(TextRows::default()));
        answer.map_err(|told| EngineError::Postgres { action: "run the statement", told })
    }

    fn client(&self, script: &str) -> Result<String, EngineError> {
        let mut command = Command::new(&self.program);
        command.args(["--no-psqlrc", "--quiet", "--csv", "--no-password", "--dbname"]).arg(&self.connection);
        command.env("PGTZ", "UTC").env("PGCLIENTENCODING", "UTF8").env("PGCONNECT_TIMEOUT", "10");
        command.env("PGOPTIONS", "-c intervalstyle=iso_8601 -c datestyle=iso -c client_min_messages=error");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(EngineError::io("start `psql`, the client of PostgreSQL"))?;
        let stdin = child.stdin.take();
        let script = script.to_owned();
        // The client may answer before it has read everything.
        let writer = std::thread::spawn(move || stdin.map_or(Ok(()), |mut stdin| stdin.write_all(script.as_bytes())));
        let output = child.wait_with_output().map_err(EngineError::io("read what `psql` says"))?;
        let is_written = writer.join().is_ok_and(|written| written.is_ok());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !is_written || !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(EngineError::Postgres { action: "connect", told });
        }
        Ok(text)
    }
}

/// The answer to one statement, and what follows it.
fn answer(text: &str) -> Option<(Result<TextRows, String>, &str)> {
    let (rows, rest) = text.split_once(END)?;
    let (state, rest) = rest.split_once('\n')?;
    let (told, rest) = rest.split_once(TOLD)?;
    let rest = rest.strip_prefix('\n').unwrap_or(rest);
    if state == "true" {
        return Some((Err(told.trim().to_owned()), rest));
    }
    let mut records = records(rows).into_iter();
    let names = records.next().unwrap_or_default().into_iter().map(Option::unwrap_or_default).collect();
    Some((Ok(TextRows { names, rows: records.collect() }), rest))
}

/// The records of a text in CSV.
fn records(text: &str) -> Vec<Vec<Option<String>>> {
    let mut records = Vec::new();
    let mut chars = text.chars().peekable();
    while chars.peek().is_some() {
        let mut record = Vec::new();
        loop {
            let mut cell = String::new();
            if chars.next_if_eq(&'"').is_some() {
                while let Some(c) = chars.next() {
                    if c == '"' && chars.next_if_eq(&'"').is_none() {
                        break;
                    }
                    cell.push(c);
                }
            } else {
                while let Some(c) = chars.next_if(|c| !matches!(c, ',' | '\n')) {
                    cell.push(c);
                }
            }
            record.push((cell != NULL).then_some(cell));
            if chars.next() != Some(',') {
                break;
            }
        }
        records.push(record);
    }
    records
}

#[cfg(test)]
mod tests {
    use super::{TextRows, answer, records};

    #[test]
    fn cells() {
        let text = "a,b\n1,\u{1}\n\"x,\"\"y\"\"\n\",\n";
        let cell = |text: &str| Some(text.to_owned());
        let expect = [vec![cell("a"), cell("b")], vec![cell("1"), None], vec![cell("x,\"y\"\n"), cell("")]];
        assert_eq!(records(text), expect);
    }

    #[test]
    fn answers() {
        let text = "a\n1\n\u{2}false\n\n\u{3}\n\u{2}true\ndivision by zero\n\u{3}\n";
        let (first, rest) = answer(text).expect("an answer");
        let rows = TextRows { names: vec!["a".to_owned()], rows: vec![vec![Some("1".to_owned())]] };
        assert_eq!(first, Ok(rows));
        let (second, rest) = answer(rest).expect("an answer");
        assert_eq!((second, rest), (Err("division by zero".to_owned()), ""));
        assert!(answer(rest).is_none());
    }
}
