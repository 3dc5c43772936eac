//! How DuckDB prints an expression, which is the name of a column without an alias.
//!
//! Versions print some of them otherwise, and nobody says which one runs a model: only what 1.1, 1.3,
//! 1.5 and 2.0 print alike is told. `tests/functions/duckdb_names.txt` lists prints of both kinds.

use std::collections::HashMap;
use std::sync::OnceLock;

use sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, BinaryOperator, CastKind, CeilFloorKind, DataType, DateTimeField, Distinct,
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
    GroupByExpr, Ident, Interval, LambdaSyntax, LimitClause, NullTreatment, ObjectName, OrderByExpr, OrderByKind,
    Query, Select, SelectItem, SetExpr, Subscript, TableFactor, TimezoneInfo, UnaryOperator, Value, WindowFrame,
    WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use crate::frame_syntax::exclusion_of;
use crate::syntax::{bare, operands};

/// Most levels of an expression whose name is told.
const MAX_DEPTH: usize = 16;
/// Most digits of a number that is printed as it is written.
const MAX_DIGITS: usize = 18;
/// Functions of DuckDB's grammar, which versions print with and without a schema, or as something else.
const OF_GRAMMAR: [&str; 14] = [
    "columns",
    "error",
    "extract",
    "grouping_id",
    "if",
    "map",
    "overlay",
    "position",
    "row",
    "struct_pack",
    "substring",
    "trim",
    "try",
    "unpack",
];

/// The print of an expression; `None` where it is not known or not the same in every version.
pub(crate) fn duckdb_name(expr: &Expr) -> Option<String> {
    printed(expr, 0)
}

fn printed(expr: &Expr, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    let named = |expr: &Expr| printed(expr, depth + 1);
    let all = |exprs: &[Expr]| Some(exprs.iter().map(named).collect::<Option<Vec<_>>>()?.join(", "));
    Some(match expr {
        Expr::Nested(inner) => named(inner)?,
        Expr::Identifier(ident) => word(ident)?,
        Expr::CompoundIdentifier(parts) => parts.iter().map(word).collect::<Option<Vec<_>>>()?.join("."),
        Expr::Value(value) => literal(&value.value)?,
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match &**expr {
            Expr::Value(value) => match literal(&value.value)? {
                number if number.starts_with(|first: char| ('1'..='9').contains(&first)) => format!("-{number}"),
                _ => return None,
            },
            _ => return None,
        },
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            // Versions negate a comparison or print `NOT` before it.
            let is_kept = match bare(expr) {
                Expr::BinaryOp { op, .. } => comparison(op).is_none(),
                Expr::InList { .. } | Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => false,
                Expr::IsTrue(_) | Expr::IsFalse(_) | Expr::IsNotTrue(_) | Expr::IsNotFalse(_) => false,
                _ => true,
            };
            is_kept.then(|| named(expr)).flatten().map(|text| format!("(NOT {text})"))?
        }
        Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => {
            let between = if *op == BinaryOperator::And { " AND " } else { " OR " };
            let parts = operands(expr, op).into_iter().map(named).collect::<Option<Vec<_>>>()?;
            format!("({})", parts.join(between))
        }
        Expr::BinaryOp { left, op: op @ (BinaryOperator::Arrow | BinaryOperator::LongArrow), right } => {
            // A version binds a chain of arrows from the right.
            let is_plain =
                |side: &Expr| matches!(side, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_));
            if !is_plain(left) || !is_plain(right) {
                return None;
            }
            format!("({} {op} {})", named(left)?, named(right)?)
        }
        Expr::BinaryOp { left, op, right } => {
            format!("({} {} {})", named(left)?, comparison(op).or_else(|| arithmetic(op))?, named(right)?)
        }
        Expr::IsNull(arg) | Expr::IsUnknown(arg) => format!("({} IS NULL)", named(arg)?),
        Expr::IsNotNull(arg) | Expr::IsNotUnknown(arg) => format!("({} IS NOT NULL)", named(arg)?),
        Expr::IsTrue(arg) => format!("(CAST({} AS BOOLEAN) IS NOT DISTINCT FROM true)", named(arg)?),
        Expr::IsNotTrue(arg) => format!("(CAST({} AS BOOLEAN) IS DISTINCT FROM true)", named(arg)?),
        Expr::IsFalse(arg) => format!("(CAST({} AS BOOLEAN) IS NOT DISTINCT FROM false)", named(arg)?),
        Expr::IsNotFalse(arg) => format!("(CAST({} AS BOOLEAN) IS DISTINCT FROM false)", named(arg)?),
        Expr::IsDistinctFrom(left, right) => format!("({} IS DISTINCT FROM {})", named(left)?, named(right)?),
        Expr::IsNotDistinctFrom(left, right) => format!("({} IS NOT DISTINCT FROM {})", named(left)?, named(right)?),
        Expr::Between { expr, negated, low, high } => {
            let text = format!("({} BETWEEN {} AND {})", named(expr)?, named(low)?, named(high)?);
            if *negated { format!("(NOT {text})") } else { text }
        }
        Expr::InList { expr, list, negated: false } => format!("({} IN ({}))", named(expr)?, all(list)?),
        Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
            format!("({} {} {})", named(expr)?, if *negated { "!~~" } else { "~~" }, named(pattern)?)
        }
        Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
            format!("({} {} {})", named(expr)?, if *negated { "!~~*" } else { "~~*" }, named(pattern)?)
        }
        Expr::Cast { kind, expr, data_type, array: false, format: None } => {
            let call = match kind {
                CastKind::Cast | CastKind::DoubleColon => "CAST",
                CastKind::TryCast => "TRY_CAST",
                CastKind::SafeCast => return None,
            };
            format!("{call}({} AS {})", named(expr)?, type_name(data_type)?)
        }
        Expr::TypedString(typed) if matches!(typed.data_type, DataType::Timestamp(..) | DataType::Time(..)) => {
            format!("CAST({} AS {})", literal(&typed.value.value)?, type_name(&typed.data_type)?)
        }
        Expr::Interval(interval) => printed_interval(interval, depth)?,
        Expr::Case { operand, conditions, else_result, .. } => {
            let operand = operand.as_deref().map(named);
            let mut text = "CASE ".to_owned();
            for branch in conditions {
                let mut condition = named(&branch.condition)?;
                if let Some(operand) = &operand {
                    condition = format!("({} = {condition})", operand.as_ref()?);
                }
                text.push_str(&format!(" WHEN ({condition}) THEN ({})", named(&branch.result)?));
            }
            let otherwise = else_result.as_deref().map_or_else(|| Some("NULL".to_owned()), named)?;
            format!("{text} ELSE {otherwise} END")
        }
        Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
            format!("ceil({})", named(expr)?)
        }
        Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
            format!("floor({})", named(expr)?)
        }
        Expr::Substring { expr, substring_from: Some(from), substring_for, shorthand: true, .. } => {
            let length = match substring_for {
                Some(length) => format!(", {}", named(length)?),
                None => String::new(),
            };
            format!("substr({}, {}{length})", named(expr)?, named(from)?)
        }
        Expr::Collate { expr, collation } => format!("{} COLLATE {}", named(expr)?, words(collation)?),
        Expr::CompoundFieldAccess { root, access_chain } => accessed(root, access_chain, depth)?,
        // `column -> key` is read as a function too; of a chain of arrows nothing is told.
        Expr::Lambda(lambda) => {
            if let Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. } = &*lambda.body {
                return None;
            }
            let names =
                lambda.params.iter().map(|param| param.data_type.is_none().then(|| word(&param.name)).flatten());
            let names = names.collect::<Option<Vec<_>>>()?;
            match lambda.syntax {
                LambdaSyntax::Arrow if names.len() == 1 => format!("({} -> {})", names[0], named(&lambda.body)?),
                LambdaSyntax::Arrow => return None,
                LambdaSyntax::LambdaKeyword => format!("(lambda {}: {})", names.join(", "), named(&lambda.body)?),
            }
        }
        Expr::Exists { subquery, negated } => {
            let text = format!("EXISTS({})", query(subquery, depth + 1)?);
            if *negated { format!("(NOT {text})") } else { text }
        }
        Expr::Subquery(subquery) => format!("({})", query(subquery, depth + 1)?),
        Expr::InSubquery { expr, subquery, negated } => {
            let text = format!("({} = ANY({}))", named(expr)?, query(subquery, depth + 1)?);
            if *negated { format!("(NOT {text})") } else { text }
        }
        Expr::Function(function) => call(function, depth)?,
        _ => return None,
    })
}

fn literal(value: &Value) -> Option<String> {
    Some(match value {
        Value::Number(digits, false) => {
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
            let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let is_plain = is_digits(whole)
                && is_digits(fraction)
                && (whole == "0" || !whole.starts_with('0'))
                && digits.len() <= MAX_DIGITS;
            return is_plain.then(|| digits.clone());
        }
        Value::SingleQuotedString(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Null => "NULL".to_owned(),
        _ => return None,
    })
}

fn comparison(op: &BinaryOperator) -> Option<&'static str> {
    Some(match op {
        BinaryOperator::Lt => "<",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Gt => ">",
        BinaryOperator::GtEq => ">=",
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "!=",
        _ => return None,
    })
}

fn arithmetic(op: &BinaryOperator) -> Option<&'static str> {
    Some(match op {
        BinaryOperator::Plus => "+",
        BinaryOperator::Minus => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::Modulo => "%",
        BinaryOperator::DuckIntegerDivide => "//",
        BinaryOperator::StringConcat => "||",
        BinaryOperator::BitwiseAnd => "&",
        BinaryOperator::BitwiseOr => "|",
        BinaryOperator::PGBitwiseShiftLeft => "<<",
        BinaryOperator::PGBitwiseShiftRight => ">>",
        _ => return None,
    })
}

/// A type whose print does not depend on how it is written.
fn type_name(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::BigInt(None) => "BIGINT".to_owned(),
        DataType::Int(None) | DataType::Integer(None) => "INTEGER".to_owned(),
        DataType::SmallInt(None) => "SMALLINT".to_owned(),
        DataType::Varchar(None) => "VARCHAR".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Real => "FLOAT".to_owned(),
        DataType::Timestamp(None, TimezoneInfo::None) => "TIMESTAMP".to_owned(),
        DataType::Time(None, TimezoneInfo::None) => "TIME".to_owned(),
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, None)) => format!("{}[]", type_name(element)?),
        _ => return None,
    })
}

/// `INTERVAL 1 DAY` is a call, `INTERVAL '1 day'` a cast.
fn printed_interval(interval: &Interval, depth: usize) -> Option<String> {
    let Interval {
        value,
        leading_field,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    } = interval
    else {
        return None;
    };
    let value = printed(value, depth + 1)?;
    let Some(unit) = leading_field else { return Some(format!("CAST({value} AS INTERVAL)")) };
    let (name, count) = match unit {
        DateTimeField::Year | DateTimeField::Years => ("years", "INTEGER"),
        DateTimeField::Quarter => ("quarters", "INTEGER"),
        DateTimeField::Month | DateTimeField::Months => ("months", "INTEGER"),
        DateTimeField::Week(None) | DateTimeField::Weeks => ("weeks", "INTEGER"),
        DateTimeField::Day | DateTimeField::Days => ("days", "INTEGER"),
        DateTimeField::Hour | DateTimeField::Hours => ("hours", "BIGINT"),
        DateTimeField::Minute | DateTimeField::Minutes => ("minutes", "BIGINT"),
        DateTimeField::Second | DateTimeField::Seconds => return Some(format!("to_seconds(CAST({value} AS DOUBLE))")),
        _ => return None,
    };
    Some(format!("to_{name}(CAST(trunc(CAST({value} AS DOUBLE)) AS {count}))"))
}

/// Elements of lists and fields of structs in brackets; dots only between names.
fn accessed(root: &Expr, chain: &[AccessExpr], depth: usize) -> Option<String> {
    let named = |expr: &Expr| printed(expr, depth + 1);
    let mut text = named(root)?;
    let mut is_name = matches!(root, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    for access in chain {
        match access {
            AccessExpr::Dot(Expr::Identifier(ident)) if is_name => text = format!("{text}.{}", word(ident)?),
            AccessExpr::Dot(_) => return None,
            AccessExpr::Subscript(Subscript::Index { index }) => text = format!("{text}[{}]", named(index)?),
            AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride: None }) => {
                let side = |bound: &Option<Expr>| bound.as_ref().map_or_else(|| Some(String::new()), named);
                text = format!("{text}[{}:{}]", side(lower_bound)?, side(upper_bound)?);
            }
            AccessExpr::Subscript(Subscript::Slice { .. }) => return None,
        }
        is_name &= matches!(access, AccessExpr::Dot(_));
    }
    Some(text)
}

fn call(function: &Function, depth: usize) -> Option<String> {
    let Function {
        name,
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args,
        filter,
        null_treatment,
        over,
        within_group,
    } = function
    else {
        return None;
    };
    let named = |expr: &Expr| printed(expr, depth + 1);
    let written = match name.0.as_slice() {
        [part] => part.as_ident()?,
        _ => return None,
    };
    let plain = written.value.to_lowercase();
    if OF_GRAMMAR.contains(&plain.as_str()) {
        return None;
    }
    let list = match args {
        FunctionArguments::List(list) => list,
        // `current_date` stands as it is written.
        FunctionArguments::None => return Some(written.value.clone()),
        FunctionArguments::Subquery(_) => return None,
    };
    let mut nulls = *null_treatment;
    let mut order: &[OrderByExpr] = &[];
    for clause in &list.clauses {
        match clause {
            FunctionArgumentClause::OrderBy(keys) => order = keys,
            FunctionArgumentClause::IgnoreOrRespectNulls(treatment) => nulls = Some(*treatment),
            _ => return None,
        }
    }
    let mut args = Vec::with_capacity(list.args.len());
    let mut has_star = false;
    for arg in &list.args {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => args.push(named(expr)?),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => has_star = true,
            _ => return None,
        }
    }
    let shown = match plain.as_str() {
        "count" if args.is_empty() => if over.is_some() { "count" } else { "count_star" }.to_owned(),
        _ if has_star => return None,
        "coalesce" | "ifnull" => "COALESCE".to_owned(),
        "grouping" => "GROUPING".to_owned(),
        "percentile_cont" | "percentile_disc" if !within_group.is_empty() => {
            order = within_group;
            plain.replace("percentile", "quantile")
        }
        _ if !within_group.is_empty() => return None,
        _ => spelled(&plain)?,
    };
    let mut text = format!("{shown}(");
    if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) {
        text.push_str("DISTINCT ");
    }
    text.push_str(&args.join(", "));
    if !order.is_empty() {
        text.push_str(&format!(" ORDER BY {}", keys(order, depth)?));
    }
    match nulls {
        Some(NullTreatment::IgnoreNulls) if over.is_some() => text.push_str(" IGNORE NULLS"),
        Some(_) => return None,
        None => {}
    }
    text.push(')');
    if let Some(filter) = filter {
        text.push_str(&format!(" FILTER (WHERE {})", named(filter)?));
    }
    match over {
        Some(WindowType::WindowSpec(spec)) => text.push_str(&format!(" OVER ({})", window(spec, depth)?)),
        Some(WindowType::NamedWindow(_)) => return None,
        None => {}
    }
    Some(text)
}

fn window(spec: &WindowSpec, depth: usize) -> Option<String> {
    let WindowSpec { window_name: None, partition_by, order_by, window_frame } = spec else { return None };
    if order_by.iter().any(|key| exclusion_of(&key.expr).is_some()) {
        return None;
    }
    let mut parts = Vec::new();
    if !partition_by.is_empty() {
        let shown = partition_by.iter().map(|expr| printed(expr, depth + 1)).collect::<Option<Vec<_>>>()?;
        parts.push(format!("PARTITION BY {}", shown.join(", ")));
    }
    if !order_by.is_empty() {
        parts.push(format!("ORDER BY {}", keys(order_by, depth)?));
    }
    if let Some(frame) = window_frame
        && let Some(text) = frame_text(frame, depth)?
    {
        parts.push(text);
    }
    Some(parts.join(" "))
}

/// A frame; nothing for the one that is meant where none is written.
#[expect(clippy::option_option, reason = "not known, and nothing to print, are two answers")]
fn frame_text(frame: &WindowFrame, depth: usize) -> Option<Option<String>> {
    let bound = |bound: &WindowFrameBound| {
        Some(match bound {
            WindowFrameBound::CurrentRow => "CURRENT ROW".to_owned(),
            WindowFrameBound::Preceding(None) => "UNBOUNDED PRECEDING".to_owned(),
            WindowFrameBound::Following(None) => "UNBOUNDED FOLLOWING".to_owned(),
            WindowFrameBound::Preceding(Some(count)) => format!("{} PRECEDING", printed(count, depth + 1)?),
            WindowFrameBound::Following(Some(count)) => format!("{} FOLLOWING", printed(count, depth + 1)?),
        })
    };
    let start = &frame.start_bound;
    let end = frame.end_bound.as_ref().unwrap_or(&WindowFrameBound::CurrentRow);
    let from_first = matches!(start, WindowFrameBound::Preceding(None));
    let units = match frame.units {
        WindowFrameUnits::Range if from_first && matches!(end, WindowFrameBound::CurrentRow) => return Some(None),
        WindowFrameUnits::Range if from_first && matches!(end, WindowFrameBound::Following(None)) => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Groups => return None,
    };
    Some(Some(format!("{units} BETWEEN {} AND {}", bound(start)?, bound(end)?)))
}

fn keys(keys: &[OrderByExpr], depth: usize) -> Option<String> {
    let key = |key: &OrderByExpr| {
        let mut text = printed(&key.expr, depth + 1)?;
        match key.options.asc {
            Some(true) => text.push_str(" ASC"),
            Some(false) => text.push_str(" DESC"),
            None => {}
        }
        match key.options.nulls_first {
            Some(true) => text.push_str(" NULLS FIRST"),
            Some(false) => text.push_str(" NULLS LAST"),
            None => {}
        }
        key.with_fill.is_none().then_some(text)
    };
    Some(keys.iter().map(key).collect::<Option<Vec<_>>>()?.join(", "))
}

/// A subquery over one table: versions print joins and common table expressions each in its own way.
fn query(query: &Query, depth: usize) -> Option<String> {
    let Query { with: None, body, order_by, limit_clause, fetch: None, locks, pipe_operators, .. } = query else {
        return None;
    };
    let SetExpr::Select(select) = &**body else { return None };
    if !locks.is_empty() || !pipe_operators.is_empty() {
        return None;
    }
    let mut text = selected(select, depth)?;
    if let Some(order) = order_by {
        let (OrderByKind::Expressions(exprs), None) = (&order.kind, &order.interpolate) else { return None };
        text.push_str(&format!(" ORDER BY {}", keys(exprs, depth)?));
    }
    match limit_clause {
        None => {}
        Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by }) if limit_by.is_empty() => {
            text.push_str(&format!(" LIMIT {}", printed(limit, depth + 1)?));
        }
        Some(_) => return None,
    }
    Some(text)
}

fn selected(select: &Select, depth: usize) -> Option<String> {
    let named = |expr: &Expr| printed(expr, depth + 1);
    let Select {
        distinct, top: None, projection, exclude: None, into: None, from, selection, group_by, having, ..
    } = select
    else {
        return None;
    };
    let is_plain = select.lateral_views.is_empty()
        && select.named_window.is_empty()
        && select.qualify.is_none()
        && select.value_table_mode.is_none();
    let GroupByExpr::Expressions(groups, modifiers) = group_by else { return None };
    if !is_plain || !modifiers.is_empty() {
        return None;
    }
    let mut text = "SELECT ".to_owned();
    match distinct {
        None => {}
        Some(Distinct::Distinct) => text.push_str("DISTINCT "),
        Some(_) => return None,
    }
    let item = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) => named(expr),
        SelectItem::ExprWithAlias { expr, alias } => Some(format!("{} AS {}", named(expr)?, word(alias)?)),
        SelectItem::Wildcard(options) if *options == Default::default() => Some("*".to_owned()),
        _ => None,
    };
    text.push_str(&projection.iter().map(item).collect::<Option<Vec<_>>>()?.join(", "));
    match from.as_slice() {
        [] => {}
        [table] if table.joins.is_empty() => {
            let TableFactor::Table { name, alias, args: None, version: None, sample: None, .. } = &table.relation
            else {
                return None;
            };
            text.push_str(&format!(" FROM {}", words(name)?));
            if let Some(alias) = alias {
                if !alias.columns.is_empty() {
                    return None;
                }
                text.push_str(&format!(" AS {}", word(&alias.name)?));
            }
        }
        _ => return None,
    }
    if let Some(condition) = selection {
        text.push_str(&format!(" WHERE {}", named(condition)?));
    }
    if !groups.is_empty() {
        text.push_str(&format!(" GROUP BY {}", groups.iter().map(named).collect::<Option<Vec<_>>>()?.join(", ")));
    }
    if let Some(condition) = having {
        text.push_str(&format!(" HAVING {}", named(condition)?));
    }
    Some(text)
}

fn words(name: &ObjectName) -> Option<String> {
    Some(name.0.iter().map(|part| word(part.as_ident()?)).collect::<Option<Vec<_>>>()?.join("."))
}

/// An identifier as DuckDB prints it.
fn word(ident: &Ident) -> Option<String> {
    spelled(&ident.value)
}

/// A name with quotes where DuckDB needs them: around words of its language, and what is no word.
fn spelled(name: &str) -> Option<String> {
    // A word is listed with a question mark where only some versions have it.
    static WORDS: OnceLock<HashMap<&'static str, bool>> = OnceLock::new();
    let words = WORDS.get_or_init(|| {
        let lines = include_str!("duckdb_keywords.txt").lines();
        lines.map(|line| line.strip_prefix('?').map_or((line, true), |word| (word, false))).collect()
    });
    let is_word = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match words.get(name.to_ascii_lowercase().as_str()) {
        None if is_word => Some(name.to_owned()),
        Some(false) => None,
        Some(true) | None => Some(format!("\"{}\"", name.replace('"', "\"\""))),
    }
}
