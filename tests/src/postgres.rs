//! A PostgreSQL server for tests: found on the machine, started on a socket of its own in a temporary
//! folder, and stopped at the end. Its results are read as values of the interpreter.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use isomer_codegen::type_name;
use isomer_engines::{DescribedColumn, Engine, Postgres, TextRows};
use isomer_ir::semantics::{Database, Value};
use isomer_ir::{Column, DataType, Dialect, Table, days_from_civil};

/// Names the folder of PostgreSQL's programs, where they are not found by themselves.
pub const PROGRAMS: &str = "ISOMER_POSTGRES";

/// A running server with an empty database.
#[derive(Debug)]
pub struct Server {
    is_root: bool,
    programs: PathBuf,
    folder: PathBuf,
    /// Where statements are sent.
    pub client: Postgres,
}

impl Server {
    /// Starts a server; `None`, and the reason is told, where no PostgreSQL is installed. Texts compare by their
    /// bytes, as in DuckDB.
    ///
    /// # Panics
    ///
    /// With what a program of PostgreSQL says, when it is there and does not start.
    #[must_use]
    pub fn or_told() -> Option<Self> {
        let Some(programs) = programs() else {
            let _ = writeln!(
                std::io::stderr(),
                "left out: no PostgreSQL on this machine; `./x postgres` installs it, or {PROGRAMS} names its programs"
            );
            return None;
        };
        Some(Self::start(programs).unwrap_or_else(|why| panic!("PostgreSQL does not start: {why}")))
    }

    fn start(programs: PathBuf) -> Result<Self, String> {
        static N_STARTED: AtomicU32 = AtomicU32::new(0);
        let number = N_STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("isomer-postgres-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|told| told.stdout.starts_with(b"0\n"));
        if is_root {
            ran(Command::new("chown").arg("nobody").arg(&folder))?;
        }
        let data = folder.join("data");
        let program = |name: &str| program(&programs, name, is_root);
        let mut init = program("initdb");
        init.args([
            "--auth=trust",
            "--username=isomer",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--pgdata",
        ]);
        ran(init.arg(&data))?;
        let options =
            format!("-k {} -h '' -c fsync=off -c jit=off -c work_mem=64MB -c max_connections=20", folder.display());
        let mut start = program("pg_ctl");
        start.arg("--pgdata").arg(&data).arg("--log").arg(folder.join("log"));
        ran(start.args(["--wait", "--options", &options, "start"]))?;
        let connection = format!("host={} user=isomer dbname=postgres", folder.display());
        let client = Postgres::with_client(programs.join("psql"), &connection);
        Ok(Self { is_root, programs, folder, client })
    }

    /// As the client of the server, in a database of this name, which is made where it is not there.
    ///
    /// # Panics
    ///
    /// When the server cannot be reached.
    #[must_use]
    pub fn in_database(&self, name: &str) -> Postgres {
        self.client.run(&[&format!("CREATE DATABASE \"{name}\"")]).expect("the server answers");
        let connection = format!("host={} user=isomer dbname={name}", self.folder.display());
        Postgres::with_client(self.programs.join("psql"), &connection)
    }

    /// The name of the server as a project's `database` has it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgresql:///postgres?host={}&user=isomer", self.folder.display())
    }

    /// Gives the server a table of DuckDB, with its rows.
    ///
    /// # Errors
    ///
    /// What either engine says, or the column whose type PostgreSQL has nothing for.
    pub fn copy(&self, duck: &Engine, client: &Postgres, sql_name: &str) -> Result<(), String> {
        let described = duck.describe(sql_name).map_err(|error| error.to_string())?;
        let column = |column: &DescribedColumn| {
            let of = type_name(column.data_type, Dialect::Postgres).map_err(|error| error.to_string())?;
            Ok(format!("\"{}\" {of}", column.name))
        };
        let columns = described.iter().map(column).collect::<Result<Vec<_>, String>>()?;
        let file = self.folder.join("rows.csv");
        let file = file.display();
        let written = format!("COPY (SELECT * FROM {sql_name}) TO '{file}' (FORMAT csv, HEADER false, NULLSTR '\\N')");
        duck.execute(&written).map_err(|error| format!("{error:?}"))?;
        let schema =
            sql_name.rsplit_once('.').map(|(schema, _)| format!("CREATE SCHEMA IF NOT EXISTS {}", last(schema)));
        let create = format!("CREATE TABLE {sql_name} ({})", columns.join(", "));
        let copy = format!("COPY {sql_name} FROM '{file}' WITH (FORMAT csv, NULL '\\N')");
        let drop = format!("DROP TABLE IF EXISTS {sql_name} CASCADE");
        let analyze = format!("ANALYZE {sql_name}");
        let script: Vec<&str> = schema
            .iter()
            .map(String::as_str)
            .chain([drop.as_str(), create.as_str(), copy.as_str(), analyze.as_str()])
            .collect();
        let answers = client.run(&script).map_err(|error| error.to_string())?;
        answers.into_iter().find_map(Result::err).map_or(Ok(()), |told| Err(format!("{sql_name}: {told}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = program(&self.programs, "pg_ctl", self.is_root);
        let _ = ran(stop.arg("--pgdata").arg(self.folder.join("data")).args(["--wait", "--mode=immediate", "stop"]));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The last part of a dotted name.
fn last(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

/// A program of PostgreSQL, which refuses to run as the superuser.
fn program(folder: &Path, name: &str, is_root: bool) -> Command {
    if !is_root {
        return Command::new(folder.join(name));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(folder.join(name));
    command
}

/// The folder of PostgreSQL's programs: the one that is named, the newest of the usual place, or the path's.
fn programs() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(PROGRAMS) {
        return Some(PathBuf::from(named)).filter(|folder| folder.join("initdb").is_file());
    }
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let installed = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().filter_map(Result::ok);
    let newest = installed.map(|entry| entry.path()).max_by_key(|path| version(path)).map(|path| path.join("bin"));
    let searched = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = newest.into_iter().chain(std::env::split_paths(&searched));
    folders.find(|folder| folder.join("initdb").is_file() && folder.join("psql").is_file())
}

fn ran(command: &mut Command) -> Result<(), String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    // The server keeps the error output of its starter open, so only a failure reads it.
    let mut child = child;
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Statements that make tables for a session of the server.
///
/// # Panics
///
/// When a column has a type that PostgreSQL has nothing for.
#[must_use]
pub fn created(tables: &[Table]) -> Vec<String> {
    let column = |column: &Column| {
        let of = type_name(column.data_type, Dialect::Postgres).expect("a type of PostgreSQL");
        format!("\"{}\" {of}", column.name)
    };
    let create = |table: &Table| {
        let columns: Vec<String> = table.columns.iter().map(column).collect();
        format!("CREATE TEMP TABLE {} ({})", table.sql_name, columns.join(", "))
    };
    tables.iter().map(create).collect()
}

/// Statements that give these tables the rows of a database, in the place of those that they had.
#[must_use]
pub fn filled(tables: &[Table], database: &Database) -> Vec<String> {
    let tuple = |row: &Vec<Value>| {
        let cells: Vec<String> = row.iter().map(ToString::to_string).collect();
        format!("({})", cells.join(", "))
    };
    let mut statements = Vec::new();
    for table in tables {
        statements.push(format!("DELETE FROM {}", table.sql_name));
        let rows: Vec<String> = database.rows(&table.key).iter().map(tuple).collect();
        if !rows.is_empty() {
            statements.push(format!("INSERT INTO {} VALUES {}", table.sql_name, rows.join(", ")));
        }
    }
    statements
}

/// The rows of a result as values of the columns' types.
///
/// # Errors
///
/// The cell that is no value of its type.
pub fn values_of(found: &TextRows, types: &[DataType]) -> Result<Vec<Vec<Value>>, String> {
    found
        .rows
        .iter()
        .map(|row| {
            if row.len() != types.len() {
                return Err(format!("{} cells, expected {}", row.len(), types.len()));
            }
            let cell = |(text, of): (&Option<String>, &DataType)| match text {
                None => Ok(Value::Null),
                Some(text) => value_of(text, *of).ok_or_else(|| format!("`{text}` is no value of {of}")),
            };
            row.iter().zip(types).map(cell).collect()
        })
        .collect()
}

/// The value of a text as the server writes it.
#[must_use]
pub fn value_of(text: &str, of: DataType) -> Option<Value> {
    Some(match of {
        DataType::Boolean => Value::Boolean(match text {
            "t" => true,
            "f" => false,
            _ => return None,
        }),
        of if of.is_integer() => Value::Int(text.parse().ok()?),
        DataType::Decimal { scale, .. } => decimal(text, scale)?,
        DataType::Float32 => Value::Float(text.parse::<f32>().ok()?.into()),
        DataType::Float64 => Value::Float(text.parse().ok()?),
        DataType::Text => Value::text(text),
        DataType::Date => Value::Date(i32::try_from(day(text)?).ok()?),
        DataType::Time => Value::Time(clock(text)?),
        DataType::Timestamp => Value::Timestamp(instant(text)?),
        DataType::TimestampTz => Value::TimestampTz(instant(&text.replacen("+00", "", 1))?),
        DataType::Interval => interval(text)?,
        _ => return None,
    })
}

/// A number with at most as many digits behind the point as the type has.
fn decimal(text: &str, scale: u8) -> Option<Value> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let kept = fraction.trim_end_matches('0');
    let padded = format!("{kept:0<width$}", width = usize::from(scale));
    let digits = format!("{whole}{padded}");
    (kept.len() <= usize::from(scale)).then_some(Value::Decimal { value: digits.parse().ok()?, scale })
}

fn day(text: &str) -> Option<i64> {
    if let Some(text) = text.strip_suffix(" BC") {
        let (year, rest) = text.split_once('-')?;
        return day(&format!("{}-{rest}", 1 - year.parse::<i64>().ok()?));
    }
    let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    Some(days_from_civil(year, month, day))
}

fn clock(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
    Some(((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

fn instant(text: &str) -> Option<i64> {
    let (text, era) = text.strip_suffix(" BC").map_or((text, ""), |text| (text, " BC"));
    let (date, time) = text.split_once(' ')?;
    Some(day(&format!("{date}{era}"))? * 86_400_000_000 + clock(time)?)
}

/// An interval in the form of ISO 8601: `P1Y2M3DT4H5M6.5S`.
fn interval(text: &str) -> Option<Value> {
    let (mut months, mut days, mut micros) = (0, 0, 0);
    let (date, time) = text.strip_prefix('P')?.split_once('T').unwrap_or((text.strip_prefix('P')?, ""));
    let parts = |text: &str| -> Vec<(String, char)> {
        let mut parts = Vec::new();
        let mut number = String::new();
        for c in text.chars() {
            if c.is_ascii_alphabetic() {
                parts.push((std::mem::take(&mut number), c));
            } else {
                number.push(c);
            }
        }
        parts
    };
    for (number, unit) in parts(date) {
        let number: i32 = number.parse().ok()?;
        match unit {
            'Y' => months += number * 12,
            'M' => months += number,
            'W' => days += number * 7,
            'D' => days += number,
            _ => return None,
        }
    }
    for (number, unit) in parts(time) {
        let seconds: f64 = number.parse().ok()?;
        let factor = match unit {
            'H' => 3600.0,
            'M' => 60.0,
            'S' => 1.0,
            _ => return None,
        };
        #[allow(clippy::cast_possible_truncation, reason = "an interval of tests is short")]
        let part = (seconds * factor * 1e6).round() as i64;
        micros += part;
    }
    Some(Value::Interval { months, days, micros })
}

/// Types by which texts are read, so that they may equal these values.
#[must_use]
pub fn kinds(rows: &[Vec<Value>], n_columns: usize) -> Vec<DataType> {
    let column = |at: usize| rows.iter().find_map(|row| kind_of(row.get(at)?)).unwrap_or(DataType::Text);
    (0..n_columns).map(column).collect()
}

/// The type by which a text is read, so that it may equal the value: none for NULL, unknown for nested ones.
#[must_use]
pub fn kind_of(value: &Value) -> Option<DataType> {
    Some(match value {
        Value::Null => return None,
        Value::Boolean(_) => DataType::Boolean,
        Value::Int(_) => DataType::Int128,
        Value::Decimal { scale, .. } => DataType::Decimal { precision: 38, scale: *scale },
        Value::Float(_) => DataType::Float64,
        Value::Text(_) => DataType::Text,
        Value::Date(_) => DataType::Date,
        Value::Time(_) => DataType::Time,
        Value::Timestamp(_) => DataType::Timestamp,
        Value::TimestampTz(_) => DataType::TimestampTz,
        Value::Interval { .. } => DataType::Interval,
        // Nested values are not read from texts.
        Value::List(_) | Value::Struct(_) | Value::Map(_) => DataType::Unknown,
    })
}
