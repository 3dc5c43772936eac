//! Scalars over one row, in three-valued logic.

use std::cell::{Cell as Counter, RefCell};
use std::cmp::Ordering;
use std::rc::Rc;

use super::cast::cast;
use super::compare::{compared, ordered};
use super::{Cell, DOMAIN, Database, EvalError, Value, arithmetic, nested, numeric, temporal, text, worse};
use crate::{Arena, ColumnId, DataType, Function, Literal, Scalar, ScalarId};

const NO_CONDITION: EvalError = EvalError::Unsupported("a condition that is no truth value");
/// Scalars of one query that are evaluated at most: a few milliseconds, and a bound for plans that
/// repeat a scalar exponentially often.
const FUEL: u64 = 3_000_000;
/// Nesting of scalars beyond which nothing is evaluated, so that the stack is bounded.
const MAX_DEPTH: u32 = 500;

/// What evaluation reads.
pub(super) struct Eval<'a> {
    pub(super) arena: &'a Arena,
    pub(super) database: &'a Database,
    fuel: Counter<u64>,
    /// Rows of the work tables of the recursions around, innermost last.
    pub(super) work: RefCell<Vec<Rc<[Vec<Cell>]>>>,
    /// Parameters of the lambda functions that are evaluated.
    bindings: RefCell<Vec<(ScalarId, Value)>>,
}

/// Columns and cells of the row that a scalar is read against: one row, or two side by side.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) columns: &'a [Option<ColumnId>],
    pub(super) cells: &'a [Cell],
    pub(super) beside: Option<(&'a [Option<ColumnId>], &'a [Cell])>,
}

impl<'a> Row<'a> {
    pub(super) const EMPTY: Self = Self { columns: &[], cells: &[], beside: None };

    pub(super) fn new(columns: &'a [Option<ColumnId>], cells: &'a [Cell]) -> Self {
        Self { columns, cells, beside: None }
    }

    fn column(&self, id: ColumnId) -> Cell {
        let found = |columns: &[Option<ColumnId>]| columns.iter().position(|known| *known == Some(id));
        if let Some(at) = found(self.columns) {
            return self.cells[at].clone();
        }
        if let Some((columns, cells)) = self.beside
            && let Some(at) = found(columns)
        {
            return cells[at].clone();
        }
        Err(EvalError::Unsupported("a column that the input does not expose"))
    }
}

impl<'a> Eval<'a> {
    pub(super) fn new(arena: &'a Arena, database: &'a Database) -> Self {
        Self { arena, database, fuel: Counter::new(FUEL), work: RefCell::default(), bindings: RefCell::default() }
    }

    /// The value of a scalar.
    pub(super) fn scalar(&self, scalar: ScalarId, row: Row<'_>) -> Cell {
        self.nested(scalar, row, 0)
    }

    /// Whether every conjunct is true. One that is not drops the row, whatever the others raise.
    pub(super) fn holds(&self, conjuncts: &[ScalarId], row: Row<'_>) -> Result<bool, EvalError> {
        self.all_hold(conjuncts, row, 0)
    }

    /// What `work` gives while parameters have values.
    pub(super) fn bound(&self, bindings: Vec<(ScalarId, Value)>, work: impl FnOnce() -> Cell) -> Cell {
        let before = self.bindings.borrow().len();
        self.bindings.borrow_mut().extend(bindings);
        let result = work();
        self.bindings.borrow_mut().truncate(before);
        result
    }

    /// Takes one step; an error when a query takes too many.
    pub(super) fn step(&self) -> Result<(), EvalError> {
        let left = self.fuel.get().checked_sub(1).ok_or(EvalError::Unsupported("a query of so many steps"))?;
        self.fuel.set(left);
        Ok(())
    }

    fn all_hold(&self, conjuncts: &[ScalarId], row: Row<'_>, depth: u32) -> Result<bool, EvalError> {
        let mut fault = None;
        for &conjunct in conjuncts {
            let is_true = match &self.arena[conjunct] {
                Scalar::Call { function: Function::And, args, .. } => self.all_hold(args, row, depth + 1),
                _ => self.nested(conjunct, row, depth + 1).and_then(|value| is_true(&value)),
            };
            match is_true {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => fault = Some(fault.map_or(error, |known| worse(known, error))),
            }
        }
        fault.map_or(Ok(true), Err)
    }

    pub(super) fn nested(&self, scalar: ScalarId, row: Row<'_>, depth: u32) -> Cell {
        self.step()?;
        if depth > MAX_DEPTH {
            return Err(EvalError::Unsupported("a scalar of such nesting"));
        }
        match &self.arena[scalar] {
            Scalar::Column(id) => row.column(*id),
            Scalar::Call { function: Function::Listed(listed), .. } if listed.name() == "lambda_parameter" => {
                let bindings = self.bindings.borrow();
                let found = bindings.iter().rev().find(|(known, _)| *known == scalar);
                found
                    .map(|(_, value)| value.clone())
                    .ok_or(EvalError::Unsupported("a parameter outside of its function"))
            }
            Scalar::Literal(Literal::Float(bits)) => Ok(Value::Float(f64::from_bits(*bits))),
            Scalar::Literal(literal) => Ok(Value::from(literal)),
            Scalar::Call { function, args, data_type } => self.call(*function, args, *data_type, row, depth + 1),
            Scalar::Case { branches, otherwise, data_type } => {
                let mut chosen = *otherwise;
                for &(when, then) in branches {
                    if self.all_hold(&[when], row, depth + 1)? {
                        chosen = then;
                        break;
                    }
                }
                cast(self.nested(chosen, row, depth + 1)?, *data_type)
            }
            Scalar::Cast { arg, to, is_try } => {
                let value = self.nested(*arg, row, depth + 1)?;
                match cast(value, *to) {
                    Err(EvalError::Raised(_)) if *is_try => Ok(Value::Null),
                    result => result,
                }
            }
            Scalar::InList { arg, list } => {
                let value = self.nested(*arg, row, depth + 1)?;
                let equal = list.iter().map(|&entry| {
                    let entry = self.nested(entry, row, depth + 1)?;
                    comparison(Function::Eq, &value, &entry)
                });
                junction(equal, true)
            }
            Scalar::Outer(_) => Err(EvalError::Unsupported("a column of an enclosing query")),
            Scalar::Hole(_) => Err(EvalError::Unsupported("a hole of a template")),
        }
    }

    fn call(&self, function: Function, args: &[ScalarId], data_type: DataType, row: Row<'_>, depth: u32) -> Cell {
        let arg = |at: usize| match args.get(at) {
            Some(&arg) => self.nested(arg, row, depth),
            None => Err(EvalError::Unsupported("a call with too few operands")),
        };
        if let Some(found) = nested::mapped(self, function, args, row, depth) {
            return found;
        }
        match function {
            Function::And | Function::Or => {
                let operands = args.iter().map(|&operand| self.nested(operand, row, depth));
                junction(operands, function == Function::Or)
            }
            Function::Coalesce => {
                for at in 0..args.len() {
                    let value = arg(at)?;
                    if !value.is_null() {
                        return cast(value, data_type);
                    }
                }
                Ok(Value::Null)
            }
            Function::NullIf => {
                let value = arg(0)?;
                let equal = comparison(Function::Eq, &value, &arg(1)?)?;
                Ok(if is_true(&equal)? { Value::Null } else { value })
            }
            Function::Random | Function::NewUuid | Function::CurrentDate | Function::CurrentTimestamp => {
                Err(EvalError::Unsupported(function.name()))
            }
            _ => {
                let mut values = Vec::with_capacity(args.len());
                for at in 0..args.len() {
                    values.push(arg(at)?);
                }
                if function.is_strict() && values.iter().any(Value::is_null) {
                    return Ok(Value::Null);
                }
                apply(function, &values, data_type)
            }
        }
    }
}

/// Whether a truth value is TRUE.
pub(super) fn is_true(value: &Value) -> Result<bool, EvalError> {
    match value {
        Value::Boolean(value) => Ok(*value),
        Value::Null => Ok(false),
        _ => Err(NO_CONDITION),
    }
}

/// `AND`, or `OR` where `deciding` is true: the deciding value if an operand has it; else an error
/// if one failed; else NULL if one is NULL; else the other value.
fn junction(operands: impl Iterator<Item = Cell>, deciding: bool) -> Cell {
    let mut fault = None;
    let mut has_null = false;
    for operand in operands {
        match operand {
            Ok(Value::Boolean(value)) if value == deciding => return Ok(Value::Boolean(deciding)),
            Ok(Value::Boolean(_)) => {}
            Ok(Value::Null) => has_null = true,
            Ok(_) => fault = Some(NO_CONDITION),
            Err(error) => fault = Some(fault.map_or(error, |known| worse(known, error))),
        }
    }
    match (fault, has_null) {
        (Some(error), _) => Err(error),
        (None, true) => Ok(Value::Null),
        (None, false) => Ok(Value::Boolean(!deciding)),
    }
}

/// A comparison; NULL where a side is NULL, except for the null-safe ones.
fn comparison(function: Function, a: &Value, b: &Value) -> Cell {
    if matches!(function, Function::IsDistinct | Function::IsNotDistinct) {
        let is_equal = match (a.is_null(), b.is_null()) {
            (true, true) => true,
            (false, false) => compared(a, b)? == Ordering::Equal,
            (true, false) | (false, true) => false,
        };
        return Ok(Value::Boolean(is_equal == (function == Function::IsNotDistinct)));
    }
    if a.is_null() || b.is_null() {
        return Ok(Value::Null);
    }
    let order = compared(a, b)?;
    Ok(Value::Boolean(match function {
        Function::Eq => order.is_eq(),
        Function::NotEq => order.is_ne(),
        Function::Lt => order.is_lt(),
        Function::LtEq => order.is_le(),
        Function::Gt => order.is_gt(),
        Function::GtEq => order.is_ge(),
        _ => return Err(EvalError::Unsupported("a comparison of this kind")),
    }))
}

/// A function over its values. NULLs are among them only where the function is not strict.
fn apply(function: Function, args: &[Value], data_type: DataType) -> Cell {
    if let Function::Listed(listed) = function {
        return nested::listed(listed.name(), args, data_type);
    }
    let none = || EvalError::Unsupported("a call with too few operands");
    let first = args.first().ok_or_else(none);
    let second = || args.get(1).ok_or_else(none);
    match function {
        Function::Eq
        | Function::NotEq
        | Function::Lt
        | Function::LtEq
        | Function::Gt
        | Function::GtEq
        | Function::IsDistinct
        | Function::IsNotDistinct => comparison(function, first?, second()?),
        Function::Not => match first? {
            Value::Boolean(value) => Ok(Value::Boolean(!value)),
            _ => Err(NO_CONDITION),
        },
        Function::IsNull => Ok(Value::Boolean(first?.is_null())),
        Function::IsTrue => Ok(Value::Boolean(matches!(first?, Value::Boolean(true)))),
        Function::IsFalse => Ok(Value::Boolean(matches!(first?, Value::Boolean(false)))),
        Function::Add
        | Function::Subtract
        | Function::Multiply
        | Function::Divide
        | Function::IntegerDivide
        | Function::Modulo => arithmetic::arithmetic(function, first?, second()?, data_type),
        Function::Negate => arithmetic::negated(first?, data_type),
        Function::Abs | Function::Ceil | Function::Floor | Function::Trunc | Function::Sign if args.len() == 1 => {
            numeric::whole(function, first?, data_type)
        }
        Function::Round => match args.get(1) {
            None => numeric::whole(function, first?, data_type),
            Some(Value::Int(digits)) => numeric::rounded(first?, *digits, data_type),
            Some(_) => Err(DOMAIN),
        },
        Function::Sqrt | Function::Power | Function::Exp | Function::Ln | Function::Log10 | Function::Log2 => {
            numeric::real(function, args)
        }
        // NULLs are passed over, in every dialect.
        Function::Greatest | Function::Least => {
            let known = args.iter().filter(|value| !value.is_null());
            let found = match function {
                Function::Greatest => known.max_by(|a, b| ordered(a, b)),
                _ => known.min_by(|a, b| ordered(a, b)),
            };
            cast(found.cloned().unwrap_or(Value::Null), data_type)
        }
        Function::Concat => text::concatenated(args.iter(), ""),
        Function::ConcatSkipNull => text::concatenated(args.iter().filter(|value| !value.is_null()), ""),
        Function::ConcatWs => match first? {
            Value::Null => Ok(Value::Null),
            Value::Text(separator) => text::concatenated(args[1..].iter().filter(|value| !value.is_null()), separator),
            _ => Err(EvalError::Unsupported("a separator that is no text")),
        },
        Function::Upper
        | Function::Lower
        | Function::Trim
        | Function::LTrim
        | Function::RTrim
        | Function::Length
        | Function::Substring
        | Function::Replace
        | Function::Position
        | Function::Left
        | Function::Right
        | Function::LPad
        | Function::RPad
        | Function::Reverse
        | Function::Repeat
        | Function::StartsWith
        | Function::EndsWith
        | Function::Contains
        | Function::SplitPart
        | Function::Like
        | Function::ILike => text::text(function, args),
        Function::Extract
        | Function::EpochSeconds
        | Function::DateTrunc
        | Function::DateDiff
        | Function::MakeDate
        | Function::LastDay => temporal::temporal(function, args, data_type),
        Function::Abs
        | Function::Ceil
        | Function::Floor
        | Function::Trunc
        | Function::Sign
        | Function::RegexpMatches
        | Function::RegexpReplace
        | Function::Md5
        | Function::FormatTime
        | Function::And
        | Function::Or
        | Function::Coalesce
        | Function::NullIf
        | Function::CurrentDate
        | Function::CurrentTimestamp
        | Function::Random
        | Function::NewUuid
        | Function::Listed(_) => Err(EvalError::Unsupported(function.name())),
    }
}
