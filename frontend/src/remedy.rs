//! What to do about a fault of a query: the help that goes with it.

use isomer_ir::{DataType, Dialect};

use crate::bind::{Binder, Clause};
use crate::parse::Fault;
use crate::place::Place;

/// What to do about a fault that says nothing of its own.
pub(crate) fn usual_remedy(code: &str) -> Option<&'static str> {
    Some(match code {
        "SQL-0004" => "split the model",
        "SQL-0005" => "name at least one column",
        "SQL-0006" => "correct the name, or declare the table under `sources`",
        "SQL-0007" => "correct the name; columns come from the relations of `FROM`",
        "SQL-0008" => "qualify it with a table name or alias",
        "SQL-0010" => "give as many arguments as it takes",
        "SQL-0011" => "write a cast",
        "SQL-0013" => "add it to the select list",
        "SQL-0015" => "write it as a join",
        "SQL-0018" => "correct the literal",
        "SQL-0019" => "make the counts agree",
        _ => return None,
    })
}

impl Binder<'_> {
    /// An aggregate or a window function where none may stand.
    pub(crate) fn misplaced(&self, at: &impl Place, what: &str, clause: Clause) -> Fault {
        let is_window = what.starts_with("window");
        let has_qualify = !matches!(self.dialect, Dialect::Postgres | Dialect::Spark);
        let help = match clause {
            Clause::Where if !is_window => "test it in `HAVING`, or compute it in a subquery",
            Clause::Where | Clause::Having if is_window && has_qualify => {
                "test it in `QUALIFY`, or compute it in a subquery"
            }
            Clause::AggregateArgument | Clause::WindowArgument => "compute the inner one in a subquery",
            Clause::Where | Clause::Having | Clause::JoinOn | Clause::GroupBy | Clause::Select | Clause::Values => {
                "compute it in a subquery"
            }
        };
        let fault = self.fault("SQL-0012", at, format!("{what} may not stand in {}", clause.name()));
        Box::new(fault.with_help(help))
    }

    /// Two types that do not go together, with the cast that brings them together.
    pub(crate) fn unlike(&self, at: &impl Place, found: (DataType, DataType), expected: &str) -> Fault {
        let (a, b) = found;
        let fault = self.fault("SQL-0011", at, format!("found {a} and {b}, expected {expected}"));
        // A text can be made of anything; from it the other type may fail at a value.
        let help = match (a, b) {
            (DataType::Text, other) | (other, DataType::Text) => format!("cast the text to {other}"),
            _ => "cast one to the type of the other, or both to text".to_owned(),
        };
        Box::new(fault.with_help(help))
    }

    /// A value where a condition is expected.
    pub(crate) fn no_condition(&self, at: &impl Place, found: DataType) -> Fault {
        let fault = self.fault("SQL-0011", at, format!("found {found}, expected a condition"));
        Box::new(fault.with_help("compare it with a value, or cast it to boolean"))
    }
}
