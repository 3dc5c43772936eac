//! The function table: one row a function, with its types, its facts and the name that each dialect
//! gives it. `functions.tsv` holds the rows; projects add their own.
//!
//! Functions that rules, the interpreter or the writers know have a variant of
//! [`Function`](crate::Function) or [`AggregateFunction`](crate::AggregateFunction), and the types of
//! their results are in code. All others are [`ListedFunction`]s: calls that are typed and moved, but never
//! looked into, and that are written only in dialects whose column names them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::{DataType, Dialect, Facts};

/// Which kind of function a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FunctionKind {
    /// Of one row.
    Scalar,
    /// Of the rows of a group.
    Aggregate,
    /// Of the rows of a window.
    Ranking,
    /// Written in other words by the binder.
    Special,
}

/// What an argument has to be. NULLs and values of unknown type are taken everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Expected {
    /// Any value.
    Any,
    /// Text.
    Text,
    /// An integer.
    Integer,
    /// A number.
    Number,
    /// A truth value.
    Boolean,
    /// A date, a time or a timestamp.
    Time,
    /// An interval.
    Interval,
    /// A list.
    List,
    /// A map or a struct.
    Fields,
    /// JSON, or text that holds it.
    Json,
}

impl Expected {
    /// The kind of argument that a word of the table names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "any" => Self::Any,
            "text" => Self::Text,
            "int" => Self::Integer,
            "number" => Self::Number,
            "bool" => Self::Boolean,
            "time" => Self::Time,
            "interval" => Self::Interval,
            "list" => Self::List,
            "fields" => Self::Fields,
            "json" => Self::Json,
            _ => return None,
        })
    }

    /// Whether a value of the type may stand there.
    #[must_use]
    pub fn takes(self, found: DataType) -> bool {
        if matches!(found, DataType::Unknown | DataType::Null) {
            return true;
        }
        match self {
            Self::Any => true,
            Self::Text => found == DataType::Text,
            Self::Integer => found.is_integer(),
            Self::Number => found.is_numeric(),
            Self::Boolean => found == DataType::Boolean,
            Self::Time => found.is_temporal(),
            Self::Interval => found == DataType::Interval,
            Self::List => found.element().is_some(),
            Self::Fields => matches!(found, DataType::Nested(_)) && found.element().is_none(),
            Self::Json => matches!(found, DataType::Json | DataType::Text),
        }
    }
}

/// The type of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gives {
    /// Always this one.
    Type(DataType),
    /// That of the argument at this position.
    Argument(usize),
    /// That of the elements of the list at this position.
    Element(usize),
    /// A list of the argument at this position.
    ListOf(usize),
    /// The one that all arguments share.
    Common,
}

impl Gives {
    fn from_words(words: &str) -> Option<Self> {
        Some(match words {
            "same" => Self::Argument(0),
            "same2" => Self::Argument(1),
            "element" => Self::Element(0),
            "list" => Self::ListOf(0),
            "common" => Self::Common,
            _ => Self::Type(type_from_word(words)?),
        })
    }
}

fn type_from_word(word: &str) -> Option<DataType> {
    if let Some(element) = word.strip_prefix("list(").and_then(|rest| rest.strip_suffix(')')) {
        return type_from_word(element).map(DataType::list_of);
    }
    let all = [
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::Int128,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Text,
        DataType::Bytes,
        DataType::Date,
        DataType::Time,
        DataType::Timestamp,
        DataType::TimestampTz,
        DataType::Interval,
        DataType::Uuid,
        DataType::Json,
        DataType::Unknown,
    ];
    all.into_iter().find(|known| known.to_string() == word)
}

/// Types of arguments and result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signature {
    /// What each argument has to be; the last one stands for all that follow.
    pub args: Vec<Expected>,
    /// What comes out.
    pub gives: Gives,
}

impl Signature {
    /// A signature as the table writes it, such as `text int -> text`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (args, gives) = text.split_once("->")?;
        let args = args.split_whitespace().map(Expected::from_word).collect::<Option<_>>()?;
        Some(Self { args, gives: Gives::from_words(gives.trim())? })
    }

    /// The result's type; `None` where the arguments do not fit.
    #[must_use]
    pub fn apply(&self, found: &[DataType]) -> Option<DataType> {
        let expected = |at: usize| self.args.get(at).or(self.args.last()).copied().unwrap_or(Expected::Any);
        if !found.iter().enumerate().all(|(at, &data_type)| expected(at).takes(data_type)) {
            return None;
        }
        let at = |position: usize| found.get(position).copied().unwrap_or(DataType::Unknown);
        let known = |data_type: DataType| if data_type == DataType::Null { DataType::Unknown } else { data_type };
        Some(match self.gives {
            Gives::Type(data_type) => data_type,
            Gives::Argument(position) => known(at(position)),
            Gives::Element(position) => at(position).element().unwrap_or(DataType::Unknown),
            Gives::ListOf(position) => match known(at(position)) {
                DataType::Unknown => DataType::Unknown,
                element => element.list_of(),
            },
            Gives::Common => known(found.iter().copied().try_fold(DataType::Null, DataType::common)?),
        })
    }
}

/// How many arguments a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arity {
    /// At least.
    pub least: usize,
    /// At most; `usize::MAX` is any number.
    pub most: usize,
}

impl Arity {
    /// An arity as the table writes it: `2`, `1-3`, `1-`.
    fn parse(text: &str) -> Option<Self> {
        let (least, most) = match text.split_once('-') {
            None => (text, text),
            Some((least, "")) => return Some(Self { least: least.parse().ok()?, most: usize::MAX }),
            Some(both) => both,
        };
        Some(Self { least: least.parse().ok()?, most: most.parse().ok()? })
    }

    /// Whether a call of so many arguments fits.
    #[must_use]
    pub fn takes(self, n_args: usize) -> bool {
        (self.least..=self.most).contains(&n_args)
    }
}

/// A function's name in one dialect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialectName {
    /// In lower case.
    pub name: String,
    /// Arguments that it takes there.
    pub arity: Arity,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionRow {
    /// The canonical name.
    pub name: String,
    /// Of what it is a function.
    pub kind: FunctionKind,
    /// Types; `None` where code knows them.
    pub signature: Option<Signature>,
    /// What is known of it.
    pub facts: Facts,
    /// Names by dialect, in the order of [`Dialect::ALL`]. The first is written, the others are only read.
    names: [Vec<DialectName>; 6],
}

impl FunctionRow {
    /// Names in a dialect; none where it lacks the function.
    #[must_use]
    pub fn names(&self, dialect: Dialect) -> &[DialectName] {
        Dialect::ALL.iter().position(|known| *known == dialect).map_or(&[], |at| &self.names[at])
    }

    /// A function that a project declares for its dialect.
    #[must_use]
    pub fn declared(name: &str, kind: FunctionKind, dialect: Dialect, signature: Signature, facts: Facts) -> Self {
        let n_args = signature.args.len();
        let names = vec![DialectName { name: name.to_owned(), arity: Arity { least: n_args, most: n_args } }];
        Self {
            name: name.to_owned(),
            kind,
            signature: Some(signature),
            facts,
            names: Dialect::ALL.map(|known| if known == dialect { names.clone() } else { Vec::new() }),
        }
    }
}

const TABLE: &str = include_str!("functions.tsv");
/// Kind, name, arity, signature, facts, and a column for each dialect.
const N_FIELDS: usize = 11;

/// The rows of the table, in its order.
///
/// # Panics
///
/// Never: a test reads the table, which is part of the program.
#[must_use]
pub fn function_rows() -> &'static [FunctionRow] {
    static ROWS: OnceLock<Vec<FunctionRow>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let lines = TABLE.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| row(line).unwrap_or_else(|| panic!("a row of the function table: {line}"))).collect()
    })
}

fn row(line: &str) -> Option<FunctionRow> {
    let fields: Vec<&str> = line.split('\t').collect();
    if fields.len() != N_FIELDS {
        return None;
    }
    let kind = match fields[0] {
        "scalar" => FunctionKind::Scalar,
        "aggregate" => FunctionKind::Aggregate,
        "ranking" => FunctionKind::Ranking,
        "special" => FunctionKind::Special,
        _ => return None,
    };
    let name = fields[1];
    let arity = Arity::parse(fields[2])?;
    let signature = if fields[3] == "-" { None } else { Some(Signature::parse(fields[3])?) };
    let cell = |text: &str| -> Option<Vec<DialectName>> {
        if text == "-" {
            return Some(Vec::new());
        }
        let entry = |entry: &str| {
            let (word, arity) = match entry.split_once('/') {
                Some((word, of)) => (word, Arity::parse(of)?),
                None => (entry, arity),
            };
            Some(DialectName { name: if word == "=" { name } else { word }.to_owned(), arity })
        };
        text.split(' ').map(entry).collect()
    };
    let mut names: [Vec<DialectName>; 6] = std::array::from_fn(|_| Vec::new());
    for (slot, text) in names.iter_mut().zip(&fields[5..]) {
        *slot = cell(text)?;
    }
    Some(FunctionRow { name: name.to_owned(), kind, signature, facts: Facts::parse(fields[4])?, names })
}

/// The rows that a name may mean in a dialect, in the table's order, with the arguments they take.
#[must_use]
pub fn functions_named(name: &str, dialect: Dialect) -> &'static [(&'static FunctionRow, Arity)] {
    type Index = BTreeMap<&'static str, Vec<(&'static FunctionRow, Arity)>>;
    static INDEX: OnceLock<BTreeMap<Dialect, Index>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let mut index: BTreeMap<Dialect, Index> = BTreeMap::new();
        for row in function_rows() {
            for dialect in Dialect::ALL {
                let of_dialect = index.entry(dialect).or_default();
                for known in row.names(dialect) {
                    of_dialect.entry(&known.name).or_default().push((row, known.arity));
                }
            }
        }
        index
    });
    index.get(&dialect).and_then(|names| names.get(name)).map_or(&[], Vec::as_slice)
}

/// A function that only the table knows.
#[derive(Clone, Copy)]
pub struct ListedFunction(&'static FunctionRow);

impl ListedFunction {
    /// The handle of a row of the table.
    #[must_use]
    pub fn of(row: &'static FunctionRow) -> Self {
        Self(row)
    }

    /// The handle of the table's scalar function of a canonical name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        function_rows().iter().find(|row| row.kind == FunctionKind::Scalar && row.name == name).map(Self)
    }

    /// The handle of a function that a project declares; kept for as long as the program runs.
    #[must_use]
    pub fn declared(row: FunctionRow) -> Self {
        static KNOWN: Mutex<BTreeMap<FunctionRow, &'static FunctionRow>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&found) = known.get(&row) {
            return Self(found);
        }
        let kept: &'static FunctionRow = Box::leak(Box::new(row.clone()));
        known.insert(row, kept);
        Self(kept)
    }

    /// The row.
    #[must_use]
    pub fn row(self) -> &'static FunctionRow {
        self.0
    }

    /// The canonical name.
    #[must_use]
    pub fn name(self) -> &'static str {
        &self.0.name
    }
}

impl fmt::Debug for ListedFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListedFunction({})", self.0.name)
    }
}

impl PartialEq for ListedFunction {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0) || self.0 == other.0
    }
}

impl Eq for ListedFunction {}

impl Hash for ListedFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl PartialOrd for ListedFunction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ListedFunction {
    fn cmp(&self, other: &Self) -> Ordering {
        if std::ptr::eq(self.0, other.0) { Ordering::Equal } else { self.0.cmp(other.0) }
    }
}
