//! Rules as they are written in the file: two terms over symbols, and constraints between the symbols.

use std::fmt;

use serde_json::Value;

/// A name such as `t0`, `a1`, `s0`, `p0`, `f0`.
pub type Symbol = String;

/// An operator with its symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A table.
    Input(Symbol),
    /// Columns of the input, without repeated rows where `is_distinct`.
    Proj {
        /// The columns.
        attrs: Symbol,
        /// What the result is called.
        schema: Symbol,
        /// Whether repeated rows count once.
        is_distinct: bool,
        /// What is projected.
        input: Box<Self>,
    },
    /// Rows on which a predicate of some columns is true.
    Filter {
        /// The predicate.
        pred: Symbol,
        /// The columns that it reads.
        attrs: Symbol,
        /// What is filtered.
        input: Box<Self>,
    },
    /// A join on equal columns.
    Join {
        /// Whether left rows without a partner stay.
        is_left: bool,
        /// Columns of the left input and of the right one.
        keys: [Symbol; 2],
        /// The inputs.
        inputs: Box<[Self; 2]>,
    },
    /// Rows of the first input whose columns occur in the second.
    InSub {
        /// The columns.
        attrs: Symbol,
        /// The inputs.
        inputs: Box<[Self; 2]>,
    },
    /// Groups with a function of columns, of which a predicate of the function's results keeps some.
    Agg {
        /// The columns that make a group.
        group: Symbol,
        /// The columns that the function reads.
        arg: Symbol,
        /// The function.
        func: Symbol,
        /// What the result is called.
        schema: Symbol,
        /// The predicate.
        having: Symbol,
        /// What is grouped.
        input: Box<Self>,
    },
    /// The rows of both.
    Union {
        /// Whether repeated rows count once.
        is_distinct: bool,
        /// The inputs.
        inputs: Box<[Self; 2]>,
    },
}

impl Term {
    /// The inputs, from left to right.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Self> {
        match self {
            Self::Input(_) => Vec::new(),
            Self::Proj { input, .. } | Self::Filter { input, .. } | Self::Agg { input, .. } => vec![input],
            Self::Join { inputs, .. } | Self::InSub { inputs, .. } | Self::Union { inputs, .. } => {
                inputs.iter().collect()
            }
        }
    }

    /// This operator and all below it.
    #[must_use]
    pub fn all(&self) -> Vec<&Self> {
        let mut found = vec![self];
        let mut at = 0;
        while at < found.len() {
            let inputs = found[at].inputs();
            found.extend(inputs);
            at += 1;
        }
        found
    }

    /// The name of the operator, as the file writes it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Input(_) => "Input",
            Self::Proj { is_distinct: false, .. } => "Proj",
            Self::Proj { .. } => "Proj*",
            Self::Filter { .. } => "Filter",
            Self::Join { is_left: false, .. } => "InnerJoin",
            Self::Join { .. } => "LeftJoin",
            Self::InSub { .. } => "InSub",
            Self::Agg { .. } => "Agg",
            Self::Union { is_distinct: false, .. } => "Union",
            Self::Union { .. } => "Union*",
        }
    }
}

/// The operators alone, without their symbols.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        let inputs: Vec<String> =
            self.inputs().iter().filter(|input| !matches!(input, Self::Input(_))).map(ToString::to_string).collect();
        if inputs.is_empty() { Ok(()) } else { write!(f, "({})", inputs.join(", ")) }
    }
}

/// What a constraint says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The columns are among those of the table or schema.
    AttrsSub,
    /// Two lists of columns are one.
    AttrsEq,
    /// Two tables are one.
    TableEq,
    /// Two predicates are one.
    PredicateEq,
    /// Two schemas are one.
    SchemaEq,
    /// Two functions are one.
    FuncEq,
    /// No two rows of the table agree on the columns.
    Unique,
    /// The columns of the table are never NULL.
    NotNull,
    /// Every value of the first columns occurs in the second.
    Reference,
}

impl Kind {
    const ALL: [(&'static str, Self); 9] = [
        ("AttrsSub", Self::AttrsSub),
        ("AttrsEq", Self::AttrsEq),
        ("TableEq", Self::TableEq),
        ("PredicateEq", Self::PredicateEq),
        ("SchemaEq", Self::SchemaEq),
        ("FuncEq", Self::FuncEq),
        ("Unique", Self::Unique),
        ("NotNull", Self::NotNull),
        ("Reference", Self::Reference),
    ];

    /// Whether it says that two symbols are one.
    #[must_use]
    pub fn is_equality(self) -> bool {
        matches!(self, Self::AttrsEq | Self::TableEq | Self::PredicateEq | Self::SchemaEq | Self::FuncEq)
    }
}

/// A constraint between symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// What it says.
    pub kind: Kind,
    /// Of which symbols.
    pub symbols: Vec<Symbol>,
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Kind::ALL.iter().find(|(_, kind)| *kind == self.kind).map_or("", |(word, _)| word);
        write!(f, "{word}({})", self.symbols.join(","))
    }
}

/// One rule of the file.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where it comes from, with its number there.
    pub name: String,
    /// What is replaced.
    pub left: Term,
    /// What takes its place.
    pub right: Term,
    /// What the symbols obey.
    pub constraints: Vec<Constraint>,
}

/// Reads rules: a JSON object a line, or four columns with tabs between them.
///
/// # Errors
///
/// The first line that cannot be read.
pub fn read(text: &str) -> Result<Vec<Found>, String> {
    text.lines().map(|line| rule(line).ok_or_else(|| format!("cannot read {line}"))).collect()
}

fn fields(line: &str) -> Option<[String; 4]> {
    if line.starts_with('{') {
        let value: Value = serde_json::from_str(line).ok()?;
        let source = value["source"].as_str()?.trim_start_matches("wetune-").trim_end_matches("-35");
        let constraints: Vec<&str> = value["constraints"].as_array()?.iter().filter_map(Value::as_str).collect();
        let name = format!("{source}-{}", value["line"]);
        return Some([name, value["lhs"].as_str()?.into(), value["rhs"].as_str()?.into(), constraints.join(" ")]);
    }
    let mut parts = line.split('\t').map(str::to_owned);
    Some([parts.next()?, parts.next()?, parts.next()?, parts.next()?])
}

fn rule(line: &str) -> Option<Found> {
    let [name, left, right, constraints] = fields(line)?;
    let constraints = constraints.split(' ').map(constraint).collect::<Option<_>>()?;
    Some(Found { name, left: whole(&left)?, right: whole(&right)?, constraints })
}

fn constraint(text: &str) -> Option<Constraint> {
    let (word, rest) = text.split_once('(')?;
    let (_, kind) = Kind::ALL.into_iter().find(|(name, _)| *name == word)?;
    Some(Constraint { kind, symbols: rest.strip_suffix(')')?.split(',').map(str::to_owned).collect() })
}

fn whole(text: &str) -> Option<Term> {
    let (term, rest) = term(text)?;
    rest.is_empty().then_some(term)
}

fn term(text: &str) -> Option<(Term, &str)> {
    let end = text.find(['<', '('])?;
    let (word, mut rest) = text.split_at(end);
    let mut symbols: Vec<Symbol> = Vec::new();
    if let Some(inner) = rest.strip_prefix('<') {
        let (list, behind) = inner.split_once('>')?;
        symbols = list.split(' ').map(str::to_owned).collect();
        rest = behind;
    }
    let mut inputs = Vec::new();
    if let Some(mut inner) = rest.strip_prefix('(') {
        loop {
            let (input, behind) = term(inner)?;
            inputs.push(input);
            match behind.strip_prefix(',') {
                Some(more) => inner = more,
                None => {
                    rest = behind.strip_prefix(')')?;
                    break;
                }
            }
        }
    }
    Some((made(word, symbols, inputs)?, rest))
}

fn made(word: &str, symbols: Vec<Symbol>, inputs: Vec<Term>) -> Option<Term> {
    let mut symbols = symbols.into_iter();
    let mut next = || symbols.next();
    let is_distinct = word.ends_with('*');
    Some(match (word.trim_end_matches('*'), inputs.len()) {
        ("Input", 0) => Term::Input(next()?),
        ("Proj", 1) => Term::Proj { attrs: next()?, schema: next()?, is_distinct, input: one(inputs)? },
        ("Filter", 1) => Term::Filter { pred: next()?, attrs: next()?, input: one(inputs)? },
        ("Agg", 1) => Term::Agg {
            group: next()?,
            arg: next()?,
            func: next()?,
            schema: next()?,
            having: next()?,
            input: one(inputs)?,
        },
        ("InnerJoin" | "LeftJoin", 2) => {
            Term::Join { is_left: word == "LeftJoin", keys: [next()?, next()?], inputs: two(inputs)? }
        }
        ("InSub" | "InSubFilter", 2) => Term::InSub { attrs: next()?, inputs: two(inputs)? },
        ("Union", 2) => Term::Union { is_distinct, inputs: two(inputs)? },
        _ => return None,
    })
}

fn one(inputs: Vec<Term>) -> Option<Box<Term>> {
    inputs.into_iter().next().map(Box::new)
}

fn two(inputs: Vec<Term>) -> Option<Box<[Term; 2]>> {
    <[Term; 2]>::try_from(inputs).ok().map(Box::new)
}
