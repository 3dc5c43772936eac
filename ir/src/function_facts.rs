//! What the function table says of a function, in words of its own column.
//!
//! Facts err on the safe side: what is not said is taken for the worst, so that a missing word costs
//! a rewrite and never a row.

use std::sync::OnceLock;

use crate::{FunctionKind, FunctionRow, OverNothing, Volatility, function_rows};

/// How an aggregate over all rows comes from what aggregates give over parts of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Parts {
    /// It does not, or nobody said.
    None,
    /// The same function over its own results: a minimum of minima.
    Itself,
    /// The sum of its own results: a count.
    Summed,
    /// The sum of the parts' sums over the sum of their counts: an average.
    SumOverCount,
}

/// What is known of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Facts {
    /// How far arguments fix the result.
    pub volatility: Volatility,
    /// A NULL argument makes the result NULL.
    pub is_strict: bool,
    /// Only a NULL argument makes the result NULL; of an aggregate, only where there is a row at all.
    pub is_total: bool,
    /// The result is never NULL, of an aggregate also over no rows.
    pub is_never_null: bool,
    /// No argument makes it fail.
    pub is_safe: bool,
    /// An aggregate that depends on the order of the rows.
    pub is_ordered: bool,
    /// An aggregate to which repeated rows make no difference.
    pub is_duplicate_insensitive: bool,
    /// An aggregate to which a row with a NULL argument makes no difference.
    pub skips_nulls: bool,
    /// An aggregate that over one row gives its argument.
    pub is_single: bool,
    /// What an aggregate gives over no rows.
    pub over_nothing: OverNothing,
    /// How an aggregate comes from those over parts of the rows.
    pub parts: Parts,
}

impl Facts {
    /// What is taken for granted of a function of which nothing is said but that it is immutable.
    pub const UNKNOWN: Self = Self {
        volatility: Volatility::Immutable,
        is_strict: false,
        is_total: false,
        is_never_null: false,
        is_safe: false,
        is_ordered: false,
        is_duplicate_insensitive: false,
        skips_nulls: false,
        is_single: false,
        over_nothing: OverNothing::Unknown,
        parts: Parts::None,
    };

    /// What cannot be at once, where that is said.
    #[must_use]
    pub fn contradiction(&self) -> Option<&'static str> {
        if self.is_strict && self.is_never_null {
            return Some("is never NULL and NULL for a NULL argument");
        }
        if self.is_never_null && self.over_nothing == OverNothing::Null {
            return Some("is never NULL and NULL over no rows");
        }
        if self.parts != Parts::None && (self.is_ordered || !self.skips_nulls) {
            return Some("has parts though it depends on the order of the rows or does not skip NULLs");
        }
        None
    }

    /// The facts of a cell of the table; `None` where a word is not known.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut facts = Self::UNKNOWN;
        for word in text.split_whitespace() {
            match word {
                "-" => {}
                "immutable" => facts.volatility = Volatility::Immutable,
                "stable" => facts.volatility = Volatility::Stable,
                "volatile" => facts.volatility = Volatility::Volatile,
                "strict" => facts.is_strict = true,
                "total" => facts.is_total = true,
                "never-null" => facts.is_never_null = true,
                "safe" => facts.is_safe = true,
                "ordered" => facts.is_ordered = true,
                "set" => facts.is_duplicate_insensitive = true,
                "skips-nulls" => facts.skips_nulls = true,
                "single" => facts.is_single = true,
                "empty:null" => facts.over_nothing = OverNothing::Null,
                "empty:zero" => facts.over_nothing = OverNothing::Zero,
                "empty:list" => facts.over_nothing = OverNothing::EmptyList,
                "parts:self" => facts.parts = Parts::Itself,
                "parts:sum" => facts.parts = Parts::Summed,
                "parts:sum/count" => facts.parts = Parts::SumOverCount,
                _ => return None,
            }
        }
        Some(facts)
    }
}

/// The facts of the functions of a kind that have variants, in the order of `names`.
pub(crate) fn facts_of(
    kept: &'static OnceLock<Vec<Facts>>,
    kind: FunctionKind,
    names: impl Iterator<Item = &'static str>,
) -> &'static [Facts] {
    kept.get_or_init(|| {
        let is_of = |row: &&FunctionRow, name: &str| row.kind == kind && row.signature.is_none() && row.name == name;
        names
            .map(|name| function_rows().iter().find(|row| is_of(row, name)).map_or(Facts::UNKNOWN, |row| row.facts))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use crate::{AggregateFunction, Function, FunctionKind, RankingFunction, function_rows};

    #[test]
    fn every_variant_has_a_row() {
        let has_row = |kind: FunctionKind, name: &str| {
            function_rows().iter().any(|row| row.kind == kind && row.signature.is_none() && row.name == name)
        };
        let scalars = Function::ALL.iter().map(|function| (FunctionKind::Scalar, function.name()));
        let aggregates = AggregateFunction::ALL.iter().map(|function| (FunctionKind::Aggregate, function.name()));
        let ranking = RankingFunction::ALL.iter().map(|function| (FunctionKind::Ranking, function.name()));
        let missing: Vec<_> =
            scalars.chain(aggregates).chain(ranking).filter(|&(kind, name)| !has_row(kind, name)).collect();
        assert!(missing.is_empty(), "no rows of the function table: {missing:?}");
    }

    #[test]
    fn facts_agree_with_each_other() {
        for row in function_rows() {
            assert_eq!(row.facts.contradiction(), None, "`{}`", row.name);
        }
    }
}
