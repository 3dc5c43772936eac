//! Window functions: each row's value from the rows of its partition.

use std::cmp::Ordering;

use super::arithmetic::arithmetic;
use super::cast::cast;
use super::compare::is_same;
use super::relation::{Relation, key_order, same_row};
use super::scalar::{Eval, Row};
use super::{Cell, DOMAIN, EvalError, Value, aggregate};
use crate::{
    ColumnId, DataType, Exclusion, FrameBound, FrameUnit, Function, RankingFunction, WindowCall, WindowFunction,
};

const OPEN: EvalError = EvalError::Unsupported("a window over ties");
const NO_COUNT: EvalError = EvalError::Unsupported("a window argument of this kind");

/// A partition in its order.
struct Partition<'a> {
    input: &'a Relation,
    /// Positions of the rows in the input.
    rows: Vec<usize>,
    /// Each row's group of ties.
    peers: Vec<usize>,
}

/// The input with a column for each call.
pub(super) fn windowed(
    eval: &Eval<'_>,
    input: Relation,
    calls: &[(ColumnId, WindowCall)],
) -> Result<Relation, EvalError> {
    let mut added: Vec<Vec<Cell>> = Vec::with_capacity(calls.len());
    for (_, call) in calls {
        let mut cells: Vec<Cell> = vec![Err(OPEN); input.rows.len()];
        for partition in partitions(eval, &input, call)? {
            for (at, &row) in partition.rows.iter().enumerate() {
                cells[row] = value(eval, &partition, call, at).and_then(|value| cast(value, call.data_type));
            }
        }
        added.push(cells);
    }
    let mut columns = input.columns;
    columns.extend(calls.iter().map(|(id, _)| Some(*id)));
    let rows = input.rows.into_iter().enumerate();
    let rows = rows.map(|(at, row)| row.into_iter().chain(added.iter().map(|cells| cells[at].clone())).collect());
    Ok(Relation::new(columns, rows.collect()))
}

fn partitions<'a>(eval: &Eval<'_>, input: &'a Relation, call: &WindowCall) -> Result<Vec<Partition<'a>>, EvalError> {
    let mut groups: Vec<(Vec<Value>, Vec<usize>)> = Vec::new();
    for at in 0..input.rows.len() {
        let key = eval.values(call.partition.iter().copied(), input.row(at))?;
        match groups.iter_mut().find(|(known, _)| known.iter().zip(&key).all(|(a, b)| is_same(a, b))) {
            Some((_, rows)) => rows.push(at),
            None => groups.push((key, vec![at])),
        }
    }
    let mut partitions = Vec::with_capacity(groups.len());
    for (_, rows) in groups {
        let (rows, peers) = eval.sorted(&call.order, input, &rows)?;
        partitions.push(Partition { input, rows, peers });
    }
    Ok(partitions)
}

impl Partition<'_> {
    fn row(&self, at: usize) -> Row<'_> {
        self.input.row(self.rows[at])
    }

    /// Whether rows that tie are the same in every column, so that their places do not matter.
    fn expect_settled(&self) -> Result<(), EvalError> {
        for at in 1..self.rows.len() {
            let (row, before) = (&self.input.rows[self.rows[at]], &self.input.rows[self.rows[at - 1]]);
            if self.peers[at] == self.peers[at - 1] && !same_row(row, before)? {
                return Err(OPEN);
            }
        }
        Ok(())
    }
}

fn value(eval: &Eval<'_>, partition: &Partition<'_>, call: &WindowCall, at: usize) -> Cell {
    use RankingFunction as R;
    let n = partition.rows.len();
    let peers = &partition.peers;
    let first_peer = peers.iter().position(|&peer| peer == peers[at]).unwrap_or(at);
    let function = match call.function {
        WindowFunction::Ranking(function) => function,
        WindowFunction::Aggregate(function) => {
            let frame = frame(eval, partition, call, at)?;
            let rows: Vec<(Row<'_>, usize)> = frame.iter().map(|&at| (partition.row(at), peers[at])).collect();
            return aggregate::over_frame(eval, function, &rows, &call.args, call.filter, call.data_type);
        }
    };
    Ok(match function {
        R::RowNumber => {
            partition.expect_settled()?;
            Value::Int(at as i128 + 1)
        }
        R::Rank => Value::Int(first_peer as i128 + 1),
        R::DenseRank => Value::Int(peers[at] as i128 + 1),
        R::PercentRank => Value::Float(if n < 2 { 0.0 } else { first_peer as f64 / (n - 1) as f64 }),
        R::CumeDist => {
            let up_to = peers.iter().filter(|&&peer| peer <= peers[at]).count();
            Value::Float(up_to as f64 / n as f64)
        }
        R::Ntile => {
            partition.expect_settled()?;
            let buckets = match eval.scalar(call.args[0], partition.row(at))? {
                Value::Int(buckets) if buckets > 0 => buckets as usize,
                Value::Int(_) => return Err(DOMAIN),
                _ => return Err(NO_COUNT),
            };
            // The first buckets take the rows that are left over.
            let (size, more) = (n / buckets, n % buckets);
            let bucket = if at < more * (size + 1) { at / (size + 1) } else { more + (at - more * (size + 1)) / size };
            Value::Int(bucket as i128 + 1)
        }
        R::Lag | R::Lead => return shifted(eval, partition, call, at, function == R::Lead),
        R::FirstValue | R::LastValue | R::NthValue => return picked(eval, partition, call, at, function),
    })
}

/// `lag` and `lead`: the value so many rows away, or the default.
fn shifted(eval: &Eval<'_>, partition: &Partition<'_>, call: &WindowCall, at: usize, is_lead: bool) -> Cell {
    partition.expect_settled()?;
    let distance = match call.args.get(1) {
        None => 1,
        Some(&distance) => match eval.scalar(distance, partition.row(at))? {
            Value::Int(distance) => distance,
            _ => return Err(NO_COUNT),
        },
    };
    if call.is_ignoring_nulls {
        return Err(EvalError::Unsupported("lag or lead that ignores NULLs"));
    }
    let found = at as i128 + if is_lead { distance } else { -distance };
    match usize::try_from(found).ok().filter(|&found| found < partition.rows.len()) {
        Some(found) => eval.scalar(call.args[0], partition.row(found)),
        None => call.args.get(2).map_or(Ok(Value::Null), |&default| eval.scalar(default, partition.row(at))),
    }
}

/// `first_value`, `last_value`, `nth_value` of the frame.
fn picked(eval: &Eval<'_>, partition: &Partition<'_>, call: &WindowCall, at: usize, function: RankingFunction) -> Cell {
    let mut seen: Vec<(Value, usize)> = Vec::new();
    for row in frame(eval, partition, call, at)? {
        let value = eval.scalar(call.args[0], partition.row(row))?;
        if !(call.is_ignoring_nulls && value.is_null()) {
            seen.push((value, partition.peers[row]));
        }
    }
    let wanted = match function {
        RankingFunction::NthValue => match eval.scalar(call.args[1], partition.row(at))? {
            Value::Int(n) if n > 0 => usize::try_from(n - 1).unwrap_or(usize::MAX),
            _ => return Err(NO_COUNT),
        },
        RankingFunction::LastValue => seen.len().wrapping_sub(1),
        _ => 0,
    };
    let Some((value, peer)) = seen.get(wanted) else { return Ok(Value::Null) };
    // Rows that tie with it might stand in its place.
    if seen.iter().all(|(other, other_peer)| other_peer != peer || is_same(other, value)) {
        Ok(value.clone())
    } else {
        Err(OPEN)
    }
}

/// Places of the rows that the frame of a row holds, in order.
fn frame(eval: &Eval<'_>, partition: &Partition<'_>, call: &WindowCall, at: usize) -> Result<Vec<usize>, EvalError> {
    let frame = call.frame;
    let is_placed = |bound: FrameBound| {
        matches!(bound, FrameBound::CurrentRow | FrameBound::Preceding(_) | FrameBound::Following(_))
    };
    if frame.unit == FrameUnit::Rows && (is_placed(frame.start) || is_placed(frame.end)) {
        partition.expect_settled()?;
    }
    let mut rows = Vec::new();
    for other in 0..partition.rows.len() {
        let from_start = side(eval, partition, call, frame.start, at, other)?;
        let from_end = side(eval, partition, call, frame.end, at, other)?;
        let is_peer = partition.peers[other] == partition.peers[at];
        let is_excluded = match frame.exclusion {
            Exclusion::Nothing => false,
            Exclusion::CurrentRow => other == at,
            Exclusion::Group => is_peer,
            Exclusion::Ties => is_peer && other != at,
        };
        if from_start.is_ge() && from_end.is_le() && !is_excluded {
            rows.push(other);
        }
    }
    Ok(rows)
}

/// On which side of a frame's bound another row stands.
fn side(
    eval: &Eval<'_>,
    partition: &Partition<'_>,
    call: &WindowCall,
    bound: FrameBound,
    at: usize,
    other: usize,
) -> Result<Ordering, EvalError> {
    let (distance, is_back) = match bound {
        FrameBound::UnboundedPreceding => return Ok(Ordering::Greater),
        FrameBound::UnboundedFollowing => return Ok(Ordering::Less),
        FrameBound::CurrentRow => (None, false),
        FrameBound::Preceding(distance) => (Some(eval.scalar(distance, Row::EMPTY)?), true),
        FrameBound::Following(distance) => (Some(eval.scalar(distance, Row::EMPTY)?), false),
    };
    let count = |distance: Option<&Value>| match distance {
        None => Ok(0),
        Some(Value::Int(n)) => Ok(if is_back { -n } else { *n }),
        Some(_) => Err(NO_COUNT),
    };
    let peers = &partition.peers;
    match call.frame.unit {
        FrameUnit::Rows => Ok((other as i128).cmp(&(at as i128 + count(distance.as_ref())?))),
        FrameUnit::Groups => Ok((peers[other] as i128).cmp(&(peers[at] as i128 + count(distance.as_ref())?))),
        FrameUnit::Range => {
            let Some(distance) = distance else { return Ok(peers[other].cmp(&peers[at])) };
            let [key] = call.order.as_slice() else { return Err(NO_COUNT) };
            let own = eval.scalar(key.scalar, partition.row(at))?;
            let others = eval.scalar(key.scalar, partition.row(other))?;
            if own.is_null() {
                // No number is near NULL but NULL.
                return Ok(key_order(*key, &others, &own));
            }
            let function = if is_back == key.is_descending { Function::Add } else { Function::Subtract };
            let bound = arithmetic(function, &own, &distance, bound_type(&own, eval.arena.type_of(key.scalar)))?;
            Ok(key_order(*key, &others, &bound))
        }
    }
}

/// The type in which a value is moved by a distance; a key at the end of its type fails, as in DuckDB.
fn bound_type(value: &Value, key: DataType) -> DataType {
    match value {
        Value::Float(_) => DataType::Float64,
        Value::Decimal { scale, .. } => DataType::Decimal { precision: 38, scale: *scale },
        Value::Date(_) | Value::Timestamp(_) => DataType::Timestamp,
        _ => key,
    }
}
