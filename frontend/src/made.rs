//! Expressions that no text holds: made of written ones while a text is bound, and kept as long as the text.

use std::cell::OnceCell;

use sqlparser::ast::Expr;

/// Expressions in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Made {
    first: OnceCell<Box<Link>>,
}

#[derive(Debug)]
struct Link {
    expr: Expr,
    next: OnceCell<Box<Self>>,
}

impl Made {
    /// Keeps an expression.
    pub(crate) fn keep(&self, expr: Expr) -> &Expr {
        let mut slot = &self.first;
        while let Some(link) = slot.get() {
            slot = &link.next;
        }
        &slot.get_or_init(|| Box::new(Link { expr, next: OnceCell::new() })).expr
    }
}

impl Drop for Made {
    /// One link after another, not each within the one before it.
    fn drop(&mut self) {
        let mut next = self.first.take();
        while let Some(mut link) = next {
            next = link.next.take();
        }
    }
}
