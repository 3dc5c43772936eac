//! `COLLATE`: what a collation makes of texts before they are compared or put in order.
//!
//! DuckDB compares texts of a collation by `lower` and `strip_accents` of them, so that is what stands in the
//! plan, on both sides. Elsewhere than beside a comparison or in an order a collation would go on with the value,
//! into groups and comparisons further out; there only those that compare bytes are let through.

use isomer_ir::{DataType, Dialect, Function, ScalarId};
use sqlparser::ast::{BinaryOperator, Expr, ObjectName};

use crate::bind::{Bind, Binder};
use crate::syntax::bare;

/// What two texts are compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Collation {
    /// Their bytes.
    Bytes,
    /// Their bytes, after these functions in turn.
    Keys(Vec<Key>),
}

/// A function of a text that a collation compares by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Lower,
    StripAccents,
}

/// The collation that a name stands for; `None` where what it does is not known.
pub(crate) fn collation_named(name: &str, dialect: Dialect) -> Option<Collation> {
    let name = name.to_lowercase();
    match dialect {
        Dialect::DuckDb if matches!(name.as_str(), "c" | "posix" | "binary") => Some(Collation::Bytes),
        Dialect::DuckDb => {
            // DuckDB calls the function of the last part first.
            let key = |part: &str| match part {
                "nocase" => Some(Key::Lower),
                "noaccent" => Some(Key::StripAccents),
                _ => None,
            };
            name.split('.').rev().map(key).collect::<Option<Vec<_>>>().map(Collation::Keys)
        }
        Dialect::Spark if name == "utf8_binary" => Some(Collation::Bytes),
        Dialect::Snowflake if name == "utf8" || name.is_empty() => Some(Collation::Bytes),
        // A plan has the database's collation for PostgreSQL, which need not be `C`.
        Dialect::Postgres | Dialect::Spark | Dialect::Snowflake | Dialect::DataFusion | Dialect::BigQuery => None,
    }
}

/// A collation's name as one text.
pub(crate) fn collation_name(name: &ObjectName) -> String {
    let part = |part: &sqlparser::ast::ObjectNamePart| match part.as_ident() {
        Some(ident) => ident.value.clone(),
        None => part.to_string(),
    };
    name.0.iter().map(part).collect::<Vec<_>>().join(".")
}

/// Whether a side of a comparison has a collation.
pub(crate) fn is_collated(expr: &Expr) -> bool {
    matches!(bare(expr), Expr::Collate { .. })
}

impl<'a> Binder<'a> {
    /// An expression without its collation, and that.
    pub(crate) fn uncollated(&self, expr: &'a Expr) -> Bind<(&'a Expr, Option<Collation>)> {
        let Expr::Collate { expr: inner, collation } = bare(expr) else { return Ok((expr, None)) };
        match collation_named(&collation_name(collation), self.dialect) {
            Some(_) if is_collated(inner) => Err(self.unsupported(expr, "`COLLATE` of `COLLATE`")),
            Some(found) => Ok((inner, Some(found))),
            None => Err(self.unsupported(expr, &format!("`COLLATE {collation}`"))),
        }
    }

    /// A text with a collation as a value: the text itself, where its bytes are what is compared.
    pub(crate) fn collated_value(&mut self, expr: &'a Expr) -> Bind<ScalarId> {
        let (inner, collation) = self.uncollated(expr)?;
        if collation != Some(Collation::Bytes) {
            let what = "this `COLLATE` elsewhere than in a comparison or an order";
            return Err(self.unsupported(expr, what));
        }
        let scalar = self.expr(inner)?;
        self.collation_key(scalar, &Collation::Bytes, expr)
    }

    /// What a text is compared by.
    pub(crate) fn collation_key(&mut self, scalar: ScalarId, collation: &Collation, at: &Expr) -> Bind<ScalarId> {
        let found = self.arena.type_of(scalar);
        if found != DataType::Text {
            let fault = self.fault("SQL-0011", at, format!("found {found}, expected a text beside `COLLATE`"));
            return Err(Box::new(fault.with_help("cast the value to text")));
        }
        let keys = match collation {
            Collation::Bytes => &[][..],
            Collation::Keys(keys) => keys,
        };
        keys.iter().try_fold(scalar, |scalar, key| match key {
            Key::Lower => self.apply(Function::Lower, vec![scalar], at),
            Key::StripAccents => self.listed_call("strip_accents", [scalar], DataType::Text, at),
        })
    }

    /// The values that several expressions are compared by, of which some have a collation, and all the same one.
    fn comparison_keys(&mut self, exprs: &[&'a Expr], at: &Expr) -> Bind<Vec<ScalarId>> {
        let mut inner = Vec::with_capacity(exprs.len());
        let mut collation: Option<Collation> = None;
        for expr in exprs {
            let (expr, own) = self.uncollated(expr)?;
            if let Some(own) = own
                && collation.get_or_insert_with(|| own.clone()) != &own
            {
                return Err(self.unsupported(at, "a comparison by two collations"));
            }
            inner.push(expr);
        }
        let collation = collation.unwrap_or(Collation::Bytes);
        let mut keys = Vec::with_capacity(inner.len());
        for expr in inner {
            let scalar = self.expr(expr)?;
            // NULL compares as it does without.
            keys.push(match self.arena.type_of(scalar) {
                DataType::Null => scalar,
                _ => self.collation_key(scalar, &collation, expr)?,
            });
        }
        Ok(keys)
    }

    /// A comparison of which a side has a collation; `None` where the operator compares nothing.
    pub(crate) fn collated_comparison(
        &mut self,
        left: &'a Expr,
        op: &BinaryOperator,
        right: &'a Expr,
        at: &Expr,
    ) -> Bind<Option<ScalarId>> {
        let function = match op {
            BinaryOperator::Eq => Function::Eq,
            BinaryOperator::NotEq => Function::NotEq,
            BinaryOperator::Lt => Function::Lt,
            BinaryOperator::LtEq => Function::LtEq,
            BinaryOperator::Gt => Function::Gt,
            BinaryOperator::GtEq => Function::GtEq,
            _ => return Ok(None),
        };
        self.collated_pair(function, left, right, at).map(Some)
    }

    /// Two values compared of which one has a collation.
    pub(crate) fn collated_pair(
        &mut self,
        function: Function,
        left: &'a Expr,
        right: &'a Expr,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let keys = self.comparison_keys(&[left, right], at)?;
        self.compared(function, keys[0], keys[1], at)
    }

    /// `IN` of which the value or an element has a collation.
    pub(crate) fn collated_in_list(
        &mut self,
        value: &'a Expr,
        list: &'a [Expr],
        is_negated: bool,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let exprs: Vec<&'a Expr> = std::iter::once(value).chain(list).collect();
        let mut keys = self.comparison_keys(&exprs, at)?;
        let value = keys.remove(0);
        let found = match keys.as_slice() {
            [one] => self.compared(Function::Eq, value, *one, at)?,
            _ => self.arena.in_list(value, keys),
        };
        Ok(self.negated_if(is_negated, found))
    }

    /// `BETWEEN` of which an end or the value has a collation.
    pub(crate) fn collated_between(
        &mut self,
        (value, low, high): (&'a Expr, &'a Expr, &'a Expr),
        is_negated: bool,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let keys = self.comparison_keys(&[value, low, high], at)?;
        let above = self.compared(Function::GtEq, keys[0], keys[1], at)?;
        let below = self.compared(Function::LtEq, keys[0], keys[2], at)?;
        let both = self.arena.and([above, below]);
        Ok(self.negated_if(is_negated, both))
    }
}
