//! `WITH` lists: the CTEs of a statement, and those of the step of a recursion within it.

use super::block::{Body, Cte};
use super::name::quoted;
use super::print::{Printer, STEP, set_word};

impl Printer<'_, '_, '_> {
    /// The CTEs that are written within the step of a recursion, or those of the statement; whether there are any.
    pub(super) fn with_list(&mut self, within: Option<u32>, indent: usize) -> bool {
        let statement = self.statement;
        let own: Vec<&Cte> = statement.ctes.iter().filter(|cte| cte.n_readers > 0 && cte.within == within).collect();
        for (i, cte) in own.iter().enumerate() {
            let name = quoted(&cte.name, self.dialect());
            let is_recursive = own.iter().any(|cte| cte.is_recursive);
            if i > 0 {
                self.put(",");
                self.new_line(indent);
            } else {
                self.put(if is_recursive { "WITH RECURSIVE " } else { "WITH " });
            }
            self.put(&name);
            self.put(" AS (");
            self.new_line(indent + STEP);
            if cte.is_recursive {
                self.recursion(cte, indent + STEP);
            } else {
                self.query(cte.query, indent + STEP);
            }
            self.new_line(indent);
            self.put(")");
        }
        !own.is_empty()
    }

    /// Start and step; what the step computes of the round before stands in front of it, in parentheses.
    fn recursion(&mut self, cte: &Cte, indent: usize) {
        let statement = self.statement;
        let query = &statement.queries[cte.query.0 as usize];
        let Body::Set { kind, branches } = &query.body else { return self.query(cte.query, indent) };
        let [base, step] = branches.as_slice() else { return self.query(cte.query, indent) };
        self.query(*base, indent);
        self.new_line(indent);
        self.put(set_word(*kind));
        self.new_line(indent);
        let has_ctes = statement.ctes.iter().any(|inner| inner.n_readers > 0 && inner.within == Some(cte.recursion));
        if !has_ctes {
            return self.query(*step, indent);
        }
        self.put("(");
        self.new_line(indent + STEP);
        self.with_list(Some(cte.recursion), indent + STEP);
        self.new_line(indent + STEP);
        self.query(*step, indent + STEP);
        self.new_line(indent);
        self.put(")");
    }
}
