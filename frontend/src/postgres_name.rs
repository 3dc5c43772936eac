//! The name that PostgreSQL gives a column without an alias: that of the column or the function that
//! makes it, else of the type it is cast to, else `?column?`.

use sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, CeilFloorKind, DataType, DateTimeField, Expr, Function, Ident, Query, SelectItem,
    SetExpr, TimezoneInfo, TrimWhereField, UnaryOperator, Value,
};

use crate::syntax::bare;

/// What stands where nothing has a name.
const NO_NAME: &str = "?column?";

/// How much a name counts: that of a column or function stands against that of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    None,
    /// Of a type, or `case`.
    Weak,
    /// Of a column or a function.
    Strong,
}

/// The name; `None` where it depends on the server's version or is not known.
pub(crate) fn postgres_name(expr: &Expr) -> Option<String> {
    let (name, strength) = found(expr)?;
    Some(if strength == Strength::None { NO_NAME.to_owned() } else { name })
}

fn found(expr: &Expr) -> Option<(String, Strength)> {
    let strong = |name: &str| Some((name.to_owned(), Strength::Strong));
    let nothing = || Some((String::new(), Strength::None));
    match bare(expr) {
        Expr::Identifier(ident) => strong(&folded(ident)),
        Expr::CompoundIdentifier(parts) => strong(&folded(parts.last()?)),
        Expr::Function(function) => called(function),
        Expr::Cast { expr, data_type, array: false, format: None, .. } => match found(expr)? {
            (name, Strength::Strong) => Some((name, Strength::Strong)),
            _ => Some((type_name(data_type)?.to_owned(), Strength::Weak)),
        },
        Expr::TypedString(typed) => Some((type_name(&typed.data_type)?.to_owned(), Strength::Weak)),
        Expr::Interval(_) => Some(("interval".to_owned(), Strength::Weak)),
        Expr::Case { else_result, .. } => match else_result.as_deref().map_or_else(nothing, found)? {
            (name, Strength::Strong) => Some((name, Strength::Strong)),
            _ => Some(("case".to_owned(), Strength::Weak)),
        },
        Expr::Collate { expr, .. } => found(expr),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(ident)) => Some(ident),
                AccessExpr::Dot(_) | AccessExpr::Subscript(_) => None,
            });
            field.map_or_else(|| found(root), |field| strong(&folded(field)))
        }
        Expr::Exists { negated: false, .. } => strong("exists"),
        Expr::Subquery(query) => first_name(query),
        Expr::Array(_) => strong("array"),
        Expr::Tuple(_) => strong("row"),
        Expr::Extract { .. } => strong("extract"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Position { .. } => strong("position"),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::Substring { shorthand: true, .. } => strong("substr"),
        Expr::Substring { shorthand: false, .. } => strong("substring"),
        Expr::Trim { trim_where, .. } => strong(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            Some(TrimWhereField::Both) | None => "btrim",
        }),
        Expr::Ceil { field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime), .. } => strong("ceil"),
        Expr::Floor { field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime), .. } => strong("floor"),
        // Called `bool` before version 15.
        Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => None,
        Expr::Value(_)
        | Expr::UnaryOp { op: UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not, .. }
        | Expr::BinaryOp { .. }
        | Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::SimilarTo { .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::Exists { negated: true, .. } => nothing(),
        _ => None,
    }
}

fn called(function: &Function) -> Option<(String, Strength)> {
    let name = folded(function.name.0.last()?.as_ident()?);
    Some((name, Strength::Strong))
}

/// A subquery shows the name of its one column.
fn first_name(query: &Query) -> Option<(String, Strength)> {
    let SetExpr::Select(select) = &*query.body else { return None };
    match select.projection.first()? {
        SelectItem::UnnamedExpr(expr) => match found(expr)? {
            (_, Strength::None) => Some((NO_NAME.to_owned(), Strength::Strong)),
            (name, _) => Some((name, Strength::Strong)),
        },
        SelectItem::ExprWithAlias { alias, .. } => Some((folded(alias), Strength::Strong)),
        _ => None,
    }
}

/// A name in small letters where it is not quoted.
pub(crate) fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// The name of a type in the server's catalogue.
fn type_name(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::SmallInt(_) | DataType::Int2(_) => "int2",
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4",
        DataType::BigInt(_) | DataType::Int8(_) => "int8",
        DataType::Real | DataType::Float4 => "float4",
        DataType::Float8 | DataType::DoublePrecision => "float8",
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric",
        DataType::Text => "text",
        DataType::Varchar(_) | DataType::CharacterVarying(_) => "varchar",
        DataType::Char(_) | DataType::Character(_) => "bpchar",
        DataType::Boolean | DataType::Bool => "bool",
        DataType::Date => "date",
        DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => "timestamp",
        DataType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => "timestamptz",
        DataType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => "time",
        DataType::Time(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => "timetz",
        DataType::Interval { .. } => "interval",
        DataType::Uuid => "uuid",
        DataType::Bytea => "bytea",
        DataType::JSON => "json",
        DataType::JSONB => "jsonb",
        // `int[]` shows the name of its element.
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => type_name(element)?,
        _ => return None,
    })
}
