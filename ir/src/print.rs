//! Prints plans for people and tests: one operator a line, inputs indented, scalars in SQL-like infix.
//!
//! The text is deterministic and bounded, and it is no SQL: columns print by hint, an instance as
//! `name@k`, a variant as `name~n`.

use std::fmt::Write as _;

use crate::{
    AggregateCall, Arena, ColumnDef, ColumnId, Frame, FrameBound, FrameUnit, Function, GroupingSets, JoinKind, Literal,
    Output, Plan, Scalar, ScalarId, SetOpKind, SortKey, WindowCall, civil_from_days,
};

/// Nesting of scalars beyond which `…` is printed.
const MAX_DEPTH: u32 = 200;
/// Bytes of one scalar beyond which `…` is printed.
const MAX_SCALAR: usize = 20_000;

/// The plan, one operator a line, each line ended.
#[must_use]
pub fn explain_plan(plan: &Plan, arena: &Arena) -> String {
    let mut out = String::new();
    write_plan(&mut out, plan, arena, 0);
    out
}

/// The output's columns on one line (`name` or `name = column`, with `?` where NULL may occur), then the plan.
#[must_use]
pub fn explain_output(output: &Output, arena: &Arena) -> String {
    let columns: Vec<String> = output
        .columns
        .iter()
        .map(|column| {
            let shown = column_text(column.column, arena);
            let mark = if column.is_nullable { "?" } else { "" };
            if shown == *column.name { format!("{shown}{mark}") } else { format!("{}{mark} = {shown}", column.name) }
        })
        .collect();
    format!("output {}\n{}", columns.join(", "), explain_plan(&output.plan, arena))
}

/// A scalar in SQL-like infix.
#[must_use]
pub fn explain_scalar(scalar: ScalarId, arena: &Arena) -> String {
    let mut out = String::new();
    write_scalar(&mut out, scalar, arena, 0);
    out
}

fn write_plan(out: &mut String, plan: &Plan, arena: &Arena, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
    out.push_str(&operator(plan, arena));
    out.push('\n');
    for input in plan.inputs() {
        write_plan(out, input, arena, depth + 1);
    }
}

fn operator(plan: &Plan, arena: &Arena) -> String {
    match plan {
        Plan::Scan { table, .. } => format!("scan {table}"),
        Plan::Values { columns, rows } => {
            let shown: Vec<String> = rows.iter().take(20).map(|row| format!("({})", scalars(row, arena))).collect();
            let more = if rows.len() > 20 { format!(", … {} rows", rows.len()) } else { String::new() };
            format!("values [{}] {}{more}", names(columns, arena), shown.join(", "))
        }
        Plan::Empty { columns } => format!("empty [{}]", names(columns, arena)),
        Plan::Filter { holds, .. } => format!("filter {}", conjunction(holds, arena)),
        Plan::Project { exprs, .. } => format!("project [{}]", definitions(exprs, arena)),
        Plan::Join { kind, on, .. } => {
            let on = if on.is_empty() { String::new() } else { format!(" on {}", conjunction(on, arena)) };
            format!("{}{on}", join_kind(*kind, arena))
        }
        Plan::Aggregate { keys, calls, .. } => {
            let calls: Vec<String> = calls
                .iter()
                .map(|(id, call)| format!("{} = {}", column_text(*id, arena), explain_aggregate(call, arena)))
                .collect();
            format!("aggregate [{}] [{}]", definitions(keys, arena), calls.join(", "))
        }
        Plan::GroupingSets { groups, .. } => grouping_sets(groups, arena),
        Plan::Distinct { .. } => "distinct".to_owned(),
        Plan::Window { calls, .. } => {
            let calls: Vec<String> = calls
                .iter()
                .map(|(id, call)| format!("{} = {}", column_text(*id, arena), explain_window(call, arena)))
                .collect();
            format!("window [{}]", calls.join(", "))
        }
        Plan::Unnest { list, column, position, is_outer, .. } => {
            let outer = if *is_outer { "outer " } else { "" };
            let position = position.map(|id| format!(" at {}", column_text(id, arena))).unwrap_or_default();
            format!("{outer}unnest {}{position} of {}", column_text(*column, arena), explain_scalar(*list, arena))
        }
        Plan::Sort { keys, .. } => format!("sort {}", sort_keys(keys, arena)),
        Plan::Limit { skip, fetch, .. } => match (skip, fetch) {
            (0, Some(fetch)) => format!("limit {fetch}"),
            (skip, Some(fetch)) => format!("limit {fetch} skip {skip}"),
            (skip, None) => format!("skip {skip}"),
        },
        Plan::SetOp { kind, inputs, columns } => {
            let inputs: Vec<String> = inputs.iter().map(|(_, taken)| format!("[{}]", names(taken, arena))).collect();
            format!("{} [{}] from {}", set_op(*kind), names(columns, arena), inputs.join(" "))
        }
        Plan::RecursiveUnion { recursion } => {
            let distinct = if recursion.is_distinct { "" } else { " all" };
            let (base, step) = (names(&recursion.base_columns, arena), names(&recursion.step_columns, arena));
            format!("recursive union{distinct} [{}] from [{base}] step [{step}]", names(&recursion.columns, arena))
        }
        Plan::WorkTable { columns } => format!("work table [{}]", names(columns, arena)),
        Plan::Sample { sampling, .. } => format!("sample {sampling}"),
        Plan::ScanAt { table, version, .. } => {
            format!("scan {table} {} {}", version.by, explain_scalar(version.at, arena))
        }
        Plan::Instance { k, .. } => format!("instance {k}"),
        Plan::Named { name, .. } => format!("named {name}"),
        Plan::Hole { index, columns } => format!("hole {index} [{}]", names(columns, arena)),
    }
}

fn join_kind(kind: JoinKind, arena: &Arena) -> String {
    match kind {
        JoinKind::Inner => "inner join".to_owned(),
        JoinKind::Left => "left join".to_owned(),
        JoinKind::Full => "full join".to_owned(),
        JoinKind::Semi => "semi join".to_owned(),
        JoinKind::Anti => "anti join".to_owned(),
        JoinKind::AntiNullAware => "null-aware anti join".to_owned(),
        JoinKind::Single => "single join".to_owned(),
        JoinKind::Mark(mark) => format!("mark join {}", column_text(mark, arena)),
    }
}

fn set_op(kind: SetOpKind) -> &'static str {
    match kind {
        SetOpKind::UnionAll => "union all",
        SetOpKind::Union => "union",
        SetOpKind::Intersect => "intersect",
        SetOpKind::IntersectAll => "intersect all",
        SetOpKind::Except => "except",
        SetOpKind::ExceptAll => "except all",
    }
}

fn names(columns: &[ColumnId], arena: &Arena) -> String {
    columns.iter().map(|&id| column_text(id, arena)).collect::<Vec<_>>().join(", ")
}

fn definitions(exprs: &[(ColumnId, ScalarId)], arena: &Arena) -> String {
    let shown: Vec<String> = exprs
        .iter()
        .map(|&(id, scalar)| {
            let name = column_text(id, arena);
            let text = explain_scalar(scalar, arena);
            if arena[scalar] == Scalar::Column(id) || name == text { name } else { format!("{name} = {text}") }
        })
        .collect();
    shown.join(", ")
}

fn conjunction(holds: &[ScalarId], arena: &Arena) -> String {
    holds.iter().map(|&scalar| explain_scalar(scalar, arena)).collect::<Vec<_>>().join(" and ")
}

fn scalars(list: &[ScalarId], arena: &Arena) -> String {
    list.iter().map(|&scalar| explain_scalar(scalar, arena)).collect::<Vec<_>>().join(", ")
}

fn sort_keys(keys: &[SortKey], arena: &Arena) -> String {
    let shown: Vec<String> = keys
        .iter()
        .map(|key| {
            let direction = if key.is_descending { " desc" } else { "" };
            let nulls = if key.is_nulls_first { " nulls first" } else { "" };
            format!("{}{direction}{nulls}", explain_scalar(key.scalar, arena))
        })
        .collect();
    shown.join(", ")
}

fn column_text(id: ColumnId, arena: &Arena) -> String {
    let (mut id, mut suffix) = (id, String::new());
    loop {
        match arena.def(id) {
            ColumnDef::Variant { of, n } => {
                suffix.insert_str(0, &format!("~{n}"));
                id = *of;
            }
            ColumnDef::Instance { of, k } => {
                suffix.insert_str(0, &format!("@{k}"));
                id = *of;
            }
            ColumnDef::Base { .. }
            | ColumnDef::Scalar(_)
            | ColumnDef::Aggregate(_)
            | ColumnDef::Window(_)
            | ColumnDef::GroupedKey(_)
            | ColumnDef::Grouping { .. }
            | ColumnDef::SetOp { .. }
            | ColumnDef::Values { .. }
            | ColumnDef::Recursive { .. }
            | ColumnDef::Work { .. }
            | ColumnDef::Versioned { .. }
            | ColumnDef::Mark { .. } => return format!("{}{suffix}", arena.hint(id)),
        }
    }
}

fn grouping_sets(groups: &GroupingSets, arena: &Arena) -> String {
    let name = |&key: &u32| column_text(groups.keys[key as usize].0, arena);
    let named = |keys: &[u32]| keys.iter().map(name).collect::<Vec<_>>().join(", ");
    let keys = groups
        .keys
        .iter()
        .map(|&(id, scalar)| format!("{} = {}", column_text(id, arena), explain_scalar(scalar, arena)));
    let sets = groups.sets.iter().map(|set| format!("({})", named(set)));
    let calls = groups
        .calls
        .iter()
        .map(|(id, call)| format!("{} = {}", column_text(*id, arena), explain_aggregate(call, arena)));
    let markers =
        groups.markers.iter().map(|(id, of)| format!("{} = grouping({})", column_text(*id, arena), named(of)));
    let listed = |parts: Vec<String>| parts.join(", ");
    format!(
        "grouping sets [{}] [{}] [{}]",
        listed(keys.collect()),
        listed(sets.collect()),
        listed(calls.chain(markers).collect())
    )
}

/// An aggregate in SQL-like words.
#[must_use]
pub fn explain_aggregate(call: &AggregateCall, arena: &Arena) -> String {
    let distinct = if call.is_distinct { "distinct " } else { "" };
    let args = if call.args.is_empty() { "*".to_owned() } else { scalars(&call.args, arena) };
    let order =
        if call.order.is_empty() { String::new() } else { format!(" order by {}", sort_keys(&call.order, arena)) };
    let filter = call.filter.map(|filter| format!(" filter {}", explain_scalar(filter, arena))).unwrap_or_default();
    format!("{}({distinct}{args}{order}){filter}", call.function)
}

/// A window function in SQL-like words.
#[must_use]
pub fn explain_window(call: &WindowCall, arena: &Arena) -> String {
    let mut parts = Vec::new();
    if !call.partition.is_empty() {
        parts.push(format!("partition by {}", scalars(&call.partition, arena)));
    }
    if !call.order.is_empty() {
        parts.push(format!("order by {}", sort_keys(&call.order, arena)));
    }
    let default = if call.order.is_empty() { Frame::WHOLE } else { Frame::ORDERED };
    if call.frame != default {
        parts.push(frame_text(&call.frame, arena));
    }
    let nulls = if call.is_ignoring_nulls { " ignore nulls" } else { "" };
    let filter = call.filter.map(|filter| format!(" filter {}", explain_scalar(filter, arena))).unwrap_or_default();
    format!("{}({}){nulls}{filter} over ({})", call.function.name(), scalars(&call.args, arena), parts.join(" "))
}

fn frame_text(frame: &Frame, arena: &Arena) -> String {
    let unit = match frame.unit {
        FrameUnit::Rows => "rows",
        FrameUnit::Range => "range",
        FrameUnit::Groups => "groups",
    };
    let bound = |bound: FrameBound| match bound {
        FrameBound::UnboundedPreceding => "unbounded preceding".to_owned(),
        FrameBound::Preceding(scalar) => format!("{} preceding", explain_scalar(scalar, arena)),
        FrameBound::CurrentRow => "current row".to_owned(),
        FrameBound::Following(scalar) => format!("{} following", explain_scalar(scalar, arena)),
        FrameBound::UnboundedFollowing => "unbounded following".to_owned(),
    };
    let exclusion = frame.exclusion.words().map(|words| format!(" {}", words.to_lowercase())).unwrap_or_default();
    format!("{unit} between {} and {}{exclusion}", bound(frame.start), bound(frame.end))
}

fn write_scalar(out: &mut String, scalar: ScalarId, arena: &Arena, depth: u32) {
    if depth > MAX_DEPTH || out.len() > MAX_SCALAR {
        out.push('…');
        return;
    }
    match &arena[scalar] {
        Scalar::Column(id) => out.push_str(&column_text(*id, arena)),
        Scalar::Outer(id) => {
            out.push_str("outer ");
            out.push_str(&column_text(*id, arena));
        }
        Scalar::Literal(literal) => out.push_str(&literal_text(literal)),
        Scalar::Call { function, args, .. } => write_call(out, *function, args, arena, depth),
        Scalar::Case { branches, otherwise, .. } => {
            out.push_str("case");
            for (when, then) in branches {
                out.push_str(" when ");
                write_scalar(out, *when, arena, depth + 1);
                out.push_str(" then ");
                write_scalar(out, *then, arena, depth + 1);
            }
            out.push_str(" else ");
            write_scalar(out, *otherwise, arena, depth + 1);
            out.push_str(" end");
        }
        Scalar::Cast { arg, to, is_try } => {
            out.push_str(if *is_try { "try_cast(" } else { "cast(" });
            write_scalar(out, *arg, arena, depth + 1);
            let _ = write!(out, " as {to})");
        }
        Scalar::InList { arg, list } => {
            write_operand(out, *arg, arena, depth);
            out.push_str(" in (");
            write_list(out, list, arena, depth);
            out.push(')');
        }
        Scalar::Hole(index) => {
            let _ = write!(out, "${index}");
        }
    }
}

fn write_list(out: &mut String, list: &[ScalarId], arena: &Arena, depth: u32) {
    for (position, item) in list.iter().enumerate() {
        if position > 0 {
            out.push_str(", ");
        }
        if out.len() > MAX_SCALAR {
            out.push('…');
            return;
        }
        write_scalar(out, *item, arena, depth + 1);
    }
}

fn write_call(out: &mut String, function: Function, args: &[ScalarId], arena: &Arena, depth: u32) {
    if function == Function::IsNull
        && let [arg] = args
    {
        write_operand(out, *arg, arena, depth);
        out.push_str(" is null");
        return;
    }
    if function == Function::Not
        && let [arg] = args
    {
        out.push_str("not ");
        write_operand(out, *arg, arena, depth);
        return;
    }
    let Some(symbol) = infix(function).filter(|_| args.len() > 1) else {
        out.push_str(function.name());
        out.push('(');
        write_list(out, args, arena, depth);
        out.push(')');
        return;
    };
    for (position, arg) in args.iter().enumerate() {
        if position > 0 {
            let _ = write!(out, " {symbol} ");
        }
        if out.len() > MAX_SCALAR {
            out.push('…');
            return;
        }
        write_operand(out, *arg, arena, depth);
    }
}

/// An operand of an infix operator: in parentheses where it is one itself.
fn write_operand(out: &mut String, scalar: ScalarId, arena: &Arena, depth: u32) {
    let is_compound = match &arena[scalar] {
        Scalar::Call { function, args, .. } => {
            infix(*function).is_some() && args.len() > 1 || matches!(function, Function::Not | Function::IsNull)
        }
        Scalar::InList { .. } => true,
        Scalar::Column(_)
        | Scalar::Outer(_)
        | Scalar::Literal(_)
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::Hole(_) => false,
    };
    if is_compound {
        out.push('(');
    }
    write_scalar(out, scalar, arena, depth + 1);
    if is_compound {
        out.push(')');
    }
}

fn infix(function: Function) -> Option<&'static str> {
    match function {
        Function::Eq => Some("="),
        Function::NotEq => Some("<>"),
        Function::Lt => Some("<"),
        Function::LtEq => Some("<="),
        Function::Gt => Some(">"),
        Function::GtEq => Some(">="),
        Function::IsDistinct => Some("is distinct from"),
        Function::IsNotDistinct => Some("is not distinct from"),
        Function::And => Some("and"),
        Function::Or => Some("or"),
        Function::Add => Some("+"),
        Function::Subtract => Some("-"),
        Function::Multiply => Some("*"),
        Function::Divide => Some("/"),
        Function::IntegerDivide => Some("//"),
        Function::Modulo => Some("%"),
        Function::Concat => Some("||"),
        Function::Like => Some("like"),
        Function::ILike => Some("ilike"),
        _ => None,
    }
}

/// A literal as SQL-like text: `date '1998-09-02'`, `0.06`, `'text'`.
#[must_use]
pub fn literal_text(literal: &Literal) -> String {
    match literal {
        Literal::Null(_) => "null".to_owned(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Int(value, _) => value.to_string(),
        Literal::Decimal { value, scale, .. } => decimal_text(*value, *scale),
        Literal::Float(bits) => format!("{:?}", f64::from_bits(*bits)),
        Literal::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Literal::Date(days) => format!("date '{}'", date_text(i64::from(*days))),
        Literal::Time(micros) => format!("time '{}'", time_text(*micros)),
        Literal::Timestamp(micros) => format!("timestamp '{}'", timestamp_text(*micros)),
        Literal::TimestampTz(micros) => format!("timestamptz '{}+00'", timestamp_text(*micros)),
        Literal::Interval { months, days, micros } => format!("interval '{months} months {days} days {micros} us'"),
    }
}

/// `value / 10^scale` with all digits behind the point.
#[must_use]
pub fn decimal_text(value: i128, scale: u8) -> String {
    let digits = value.unsigned_abs().to_string();
    let scale = usize::from(scale);
    let sign = if value < 0 { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// The calendar date that many days after 1970-01-01, as `1998-09-02`.
#[must_use]
pub fn date_text(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Microseconds since midnight as `12:34:56` or `12:34:56.789000`.
#[must_use]
pub fn time_text(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { clock } else { format!("{clock}.{fraction:06}") }
}

/// Microseconds since 1970-01-01 as `1998-09-02 12:34:56`.
#[must_use]
pub fn timestamp_text(micros: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    format!("{} {}", date_text(micros.div_euclid(DAY)), time_text(micros.rem_euclid(DAY)))
}

#[cfg(test)]
mod tests {
    use super::literal_text;
    use crate::Literal;

    #[test]
    fn literals() {
        let cases = [
            (Literal::Date(10_471), "date '1998-09-02'"),
            (Literal::Date(-1), "date '1969-12-31'"),
            (Literal::Decimal { value: -6, precision: 3, scale: 2 }, "-0.06"),
            (Literal::Timestamp(1_500_000), "timestamp '1970-01-01 00:00:01.500000'"),
            (Literal::Text("it's".into()), "'it''s'"),
        ];
        for (literal, expect) in cases {
            assert_eq!(literal_text(&literal), expect);
        }
    }
}
