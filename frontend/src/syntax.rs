//! Walks over syntax trees that cost heap, not stack: chains of operators lean left as deep as the
//! text is long.

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, HavingBound, Interval, Subscript, WindowFrameBound, WindowSpec, WindowType,
};

/// The conjuncts of a condition, in order.
pub(crate) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    operands(expr, &BinaryOperator::And)
}

/// The operands of a chain of one associative operator, in order; parentheses are looked through.
pub(crate) fn operands<'a>(expr: &'a Expr, operator: &BinaryOperator) -> Vec<&'a Expr> {
    let mut found = Vec::new();
    let mut stack = vec![expr];
    while let Some(expr) = stack.pop() {
        match expr {
            Expr::BinaryOp { left, op, right } if op == operator => {
                stack.push(right);
                stack.push(left);
            }
            Expr::Nested(inner) if is_chain(inner, operator) => stack.push(inner),
            _ => found.push(expr),
        }
    }
    found
}

fn is_chain(mut expr: &Expr, operator: &BinaryOperator) -> bool {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    matches!(expr, Expr::BinaryOp { op, .. } if op == operator)
}

/// An expression without the parentheses around it.
pub(crate) fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// The function calls of an expression outside subqueries, outermost first, in the order of the text.
/// `enter` says whether the arguments of a call are looked at too.
pub(crate) fn calls<'a>(expr: &'a Expr, enter: &dyn Fn(&Function) -> bool) -> Vec<&'a Function> {
    let mut found = Vec::new();
    let mut stack = vec![expr];
    while let Some(expr) = stack.pop() {
        let mut inner = Vec::new();
        if let Expr::Function(function) = expr {
            found.push(function);
            if enter(function) {
                inner = arguments(function);
            }
        } else {
            children(expr, &mut inner);
        }
        stack.extend(inner.into_iter().rev());
    }
    found
}

/// Whether an expression holds a subquery.
pub(crate) fn has_subquery(expr: &Expr) -> bool {
    let mut stack = vec![expr];
    while let Some(expr) = stack.pop() {
        match expr {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => return true,
            Expr::Function(function) if matches!(function.args, FunctionArguments::Subquery(_)) => return true,
            Expr::Function(function) => stack.extend(arguments(function)),
            _ => children(expr, &mut stack),
        }
    }
    false
}

/// Every expression within a call.
fn arguments(function: &Function) -> Vec<&Expr> {
    let mut found = Vec::new();
    if let FunctionArguments::List(list) = &function.args {
        for arg in &list.args {
            let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) = arg;
            if let FunctionArgExpr::Expr(expr) = arg {
                found.push(expr);
            }
        }
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(order) => found.extend(order.iter().map(|key| &key.expr)),
                FunctionArgumentClause::Having(HavingBound(_, key)) => found.push(key),
                _ => {}
            }
        }
    }
    found.extend(function.filter.as_deref());
    found.extend(function.within_group.iter().map(|key| &key.expr));
    if let Some(WindowType::WindowSpec(spec)) = &function.over {
        window_expressions(spec, &mut found);
    }
    found
}

/// Every expression within a window specification.
pub(crate) fn window_expressions<'a>(spec: &'a WindowSpec, found: &mut Vec<&'a Expr>) {
    found.extend(&spec.partition_by);
    found.extend(spec.order_by.iter().map(|key| &key.expr));
    if let Some(frame) = &spec.window_frame {
        for bound in std::iter::once(&frame.start_bound).chain(&frame.end_bound) {
            if let WindowFrameBound::Preceding(Some(expr)) | WindowFrameBound::Following(Some(expr)) = bound {
                found.push(expr);
            }
        }
    }
}

/// The direct operands of the expressions that the binder knows; it refuses all others.
fn children<'a>(expr: &'a Expr, found: &mut Vec<&'a Expr>) {
    match expr {
        Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::Extract { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Floor { expr: inner, .. }
        | Expr::InSubquery { expr: inner, .. } => found.push(inner),
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => found.extend([&**left, &**right]),
        Expr::BinaryOp { left, right, .. } | Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
            found.extend([&**left, &**right]);
        }
        Expr::Position { expr, r#in } => found.extend([&**expr, &**r#in]),
        Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => found.extend([&**expr, &**pattern]),
        Expr::Between { expr, low, high, .. } => found.extend([&**expr, &**low, &**high]),
        Expr::InList { expr, list, .. } => {
            found.push(expr);
            found.extend(list);
        }
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            found.push(expr);
            found.extend(substring_from.as_deref().into_iter().chain(substring_for.as_deref()));
        }
        Expr::Trim { expr, trim_what, trim_characters, .. } => {
            found.push(expr);
            found.extend(trim_what.as_deref());
            found.extend(trim_characters.iter().flatten());
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            found.extend(operand.as_deref());
            for CaseWhen { condition, result } in conditions {
                found.extend([condition, result]);
            }
            found.extend(else_result.as_deref());
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            found.push(root);
            for step in access_chain {
                match step {
                    AccessExpr::Subscript(Subscript::Index { index }) => found.push(index),
                    AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                        found.extend(lower_bound.iter().chain(upper_bound).chain(stride));
                    }
                    AccessExpr::Dot(_) => {}
                }
            }
        }
        Expr::JsonAccess { value: inner, .. }
        | Expr::Named { expr: inner, .. }
        | Expr::Collate { expr: inner, .. }
        | Expr::Interval(Interval { value: inner, .. }) => found.push(inner),
        Expr::Array(array) => found.extend(&array.elem),
        Expr::Tuple(values) | Expr::Struct { values, .. } => found.extend(values),
        Expr::Dictionary(fields) => found.extend(fields.iter().map(|field| &*field.value)),
        Expr::Map(map) => found.extend(map.entries.iter().flat_map(|entry| [&*entry.key, &*entry.value])),
        Expr::AtTimeZone { timestamp, time_zone } => found.extend([&**timestamp, &**time_zone]),
        Expr::SimilarTo { expr, pattern, .. } | Expr::RLike { expr, pattern, .. } => {
            found.extend([&**expr, &**pattern]);
        }
        Expr::InUnnest { expr, array_expr, .. } => found.extend([&**expr, &**array_expr]),
        Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
            found.extend([&**expr, &**overlay_what, &**overlay_from]);
            found.extend(overlay_for.as_deref());
        }
        _ => {}
    }
}
