//! Places of syntax in lines and columns, for whatever a diagnostic may point at.

use sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Select, Spanned, TableFactor, TableWithJoins, ValueWithSpan, Values,
};
use sqlparser::tokenizer::Span;

/// Syntax with a place.
pub(crate) trait Place {
    /// From the first to the last line and column; line 0 where the parser keeps none.
    fn place(&self) -> Span;
}

impl Place for Ident {
    fn place(&self) -> Span {
        self.span
    }
}

impl Place for Expr {
    fn place(&self) -> Span {
        self.span()
    }
}

impl Place for Query {
    fn place(&self) -> Span {
        self.span()
    }
}

impl Place for ObjectName {
    fn place(&self) -> Span {
        self.span()
    }
}

impl Place for TableFactor {
    fn place(&self) -> Span {
        self.span()
    }
}

impl Place for TableWithJoins {
    fn place(&self) -> Span {
        self.span()
    }
}

impl Place for Select {
    fn place(&self) -> Span {
        self.span()
    }
}

impl Place for Values {
    fn place(&self) -> Span {
        self.span()
    }
}

impl Place for ValueWithSpan {
    fn place(&self) -> Span {
        self.span()
    }
}
