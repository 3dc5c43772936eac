//! The name that Spark gives a column without an alias: its own SQL of the expression, without the
//! names of relations and the quotes of texts.

use sqlparser::ast::{
    BinaryOperator, CastKind, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator, Value,
};

use crate::syntax::bare;

/// Most levels of an expression whose name is told.
const MAX_DEPTH: usize = 16;
/// Functions that Spark prints as they are called, in small letters. Others have a name of their own
/// there, or are replaced by what they mean.
const PLAIN: [&str; 22] = [
    "abs",
    "avg",
    "coalesce",
    "collect_list",
    "concat",
    "count",
    "greatest",
    "least",
    "length",
    "lower",
    "max",
    "min",
    "month",
    "replace",
    "round",
    "stddev_samp",
    "sum",
    "upper",
    "var_pop",
    "year",
    "stddev_pop",
    "var_samp",
];

/// The name; `None` where it is not known.
pub(crate) fn spark_name(expr: &Expr) -> Option<String> {
    // A column keeps its name through a cast, but nowhere inside an expression.
    if let Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, .. } = bare(expr)
        && matches!(bare(expr), Expr::Identifier(_) | Expr::CompoundIdentifier(_))
    {
        return printed(expr, 0);
    }
    printed(expr, 0)
}

/// Whether an expression can only be a number. Of dates and intervals `+` and `-` print as functions.
fn is_number(expr: &Expr) -> bool {
    match bare(expr) {
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        Expr::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } => {
            is_number(left) && is_number(right)
        }
        Expr::BinaryOp { op: BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Modulo, .. } => true,
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            ["sum", "avg", "count", "length", "year", "month", "round", "stddev_samp", "var_pop"]
                .contains(&name.as_str())
        }
        _ => false,
    }
}

fn printed(expr: &Expr, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    let named = |expr: &Expr| printed(expr, depth + 1);
    Some(match bare(expr) {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) if parts.len() == 2 => parts[1].value.clone(),
        Expr::Value(value) => literal(&value.value)?,
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } => {
            format!("(NOT ({} = {}))", named(left)?, named(right)?)
        }
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
            format!("concat({}, {})", named(left)?, named(right)?)
        }
        Expr::BinaryOp { left, op: op @ (BinaryOperator::Plus | BinaryOperator::Minus), right } => {
            if !is_number(left) || !is_number(right) {
                return None;
            }
            format!("({} {op} {})", named(left)?, named(right)?)
        }
        Expr::BinaryOp { left, op, right } => format!("({} {} {})", named(left)?, operator(op)?, named(right)?),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => format!("(NOT {})", named(expr)?),
        Expr::IsNull(arg) => format!("({} IS NULL)", named(arg)?),
        Expr::IsNotNull(arg) => format!("({} IS NOT NULL)", named(arg)?),
        Expr::InList { expr, list, negated } => {
            let list = list.iter().map(named).collect::<Option<Vec<_>>>()?;
            let text = format!("({} IN ({}))", named(expr)?, list.join(", "));
            if *negated { format!("(NOT {text})") } else { text }
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            let operand = operand.as_deref().map(named);
            let mut text = "CASE".to_owned();
            for branch in conditions {
                let mut condition = named(&branch.condition)?;
                if let Some(operand) = &operand {
                    condition = format!("({} = {condition})", operand.as_ref()?);
                }
                text.push_str(&format!(" WHEN {condition} THEN {}", named(&branch.result)?));
            }
            if let Some(otherwise) = else_result {
                text.push_str(&format!(" ELSE {}", named(otherwise)?));
            }
            format!("{text} END")
        }
        Expr::Function(function) => call(function, depth)?,
        _ => return None,
    })
}

fn literal(value: &Value) -> Option<String> {
    match value {
        Value::Number(digits, false) => {
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits.len() <= 9
                && (digits == "0" || !digits.starts_with('0'));
            is_plain.then(|| digits.clone())
        }
        Value::SingleQuotedString(text) => {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ' || byte == b'_').then(|| text.clone())
        }
        Value::Null => Some("NULL".to_owned()),
        _ => None,
    }
}

fn operator(op: &BinaryOperator) -> Option<&'static str> {
    Some(match op {
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::Modulo => "%",
        BinaryOperator::Lt => "<",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Gt => ">",
        BinaryOperator::GtEq => ">=",
        BinaryOperator::Eq => "=",
        BinaryOperator::And => "AND",
        BinaryOperator::Or => "OR",
        _ => return None,
    })
}

fn call(function: &Function, depth: usize) -> Option<String> {
    let [name] = function.name.0.as_slice() else { return None };
    let name = name.as_ident()?.value.to_lowercase();
    let FunctionArguments::List(list) = &function.args else { return None };
    let is_plain = PLAIN.contains(&name.as_str())
        && matches!(function.parameters, FunctionArguments::None)
        && function.over.is_none()
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && list.clauses.is_empty();
    if !is_plain {
        return None;
    }
    let arg = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => printed(expr, depth + 1),
        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if name == "count" => Some("1".to_owned()),
        _ => None,
    };
    let mut args = list.args.iter().map(arg).collect::<Option<Vec<_>>>()?;
    if name == "round" && args.len() == 1 {
        args.push("0".to_owned());
    }
    let distinct = if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) { "DISTINCT " } else { "" };
    Some(format!("{name}({distinct}{})", args.join(", ")))
}
