//! Calls of functions that only the function table knows, and of nested values: by the name that
//! the target's column gives, by an operator, or not at all.

use isomer_ir::{DataType, ListedFunction, Nested, ScalarId, Volatility};

use super::expr::{ExprId, Kind, Level};
use super::spell::Speller;
use super::target::Target;
use crate::CodegenError;

impl Speller<'_> {
    /// A call of a listed function.
    pub(super) fn listed(
        &mut self,
        function: ListedFunction,
        args: &[ScalarId],
        operands: &[ExprId],
        data_type: DataType,
    ) -> Result<ExprId, CodegenError> {
        if let Some(template) = operator(function.name(), self.dialect) {
            return Ok(self.exprs.template(Level::Primary, template, operands));
        }
        match (function.name(), self.dialect) {
            ("list_value", Target::Postgres) => {
                let list = self.bracketed("ARRAY[", operands);
                // Of no elements there is no type.
                return if operands.is_empty() { self.cast_to(list, data_type) } else { Ok(list) };
            }
            ("list_value", Target::DuckDb) => return Ok(self.bracketed("[", operands)),
            ("list_element", Target::Postgres) if args.get(1).is_some_and(|&at| self.least(at) >= 1) => {
                return Ok(self.exprs.template(Level::Primary, "(#)[#]", operands));
            }
            ("list_element", Target::Postgres) => {
                // The others count negative positions from the end.
                let construct = "an element by a position that may be negative";
                return Err(self.refuse("GEN-0034", construct, "use a position that is no less than 1"));
            }
            ("struct_value", Target::DuckDb) => return self.struct_value(data_type, operands),
            ("map_value", Target::DuckDb) => return Ok(self.map_value(operands)),
            ("lambda_parameter", Target::DuckDb) => {
                let name = args.first().and_then(|&name| self.text_of(name)).unwrap_or_default().to_owned();
                return Ok(self.exprs.text(name, Level::Primary));
            }
            ("lambda", Target::DuckDb) => return Ok(self.lambda(operands)),
            ("list_transform" | "list_filter" | "list_reduce", Target::DuckDb) => {
                return Ok(self.exprs.call(function.name(), operands));
            }
            ("left_positive" | "right_positive", _) => {
                let name = function.name().trim_end_matches("_positive");
                if self.dialect == Target::Spark || args.get(1).is_some_and(|&n| self.least(n) >= 0) {
                    return Ok(self.exprs.call(name, operands));
                }
                let (text, n) = (operands[0], operands[1]);
                let template = format!("{name}(#, CASE WHEN @ < 0 THEN 0 ELSE # END)");
                return Ok(self.exprs.template(Level::Primary, &template, &[text, n, n]));
            }
            ("substring_spark", Target::Spark)
            | ("substring_postgres", Target::Postgres)
            | ("substring_datafusion", Target::DataFusion) => return Ok(self.exprs.call("substring", operands)),
            ("substring_spark", Target::DuckDb) => return Ok(self.substring_of_spark(operands)),
            ("split_part_spark", Target::Spark) => return Ok(self.exprs.call("split_part", operands)),
            ("regexp_replace_java", Target::Spark) => return Ok(self.exprs.call("regexp_replace", operands)),
            ("regexp_like_java", Target::Spark) => {
                return Ok(self.exprs.template(Level::Compare, "@ RLIKE @", operands));
            }
            ("float_text_spark", Target::Spark) => match operands {
                [value] => return self.cast_to(*value, DataType::Text),
                _ => return Err(self.lost_scalar()),
            },
            ("try_cast_spark", Target::Spark) => {
                let name = super::types::written(data_type, self.dialect)?;
                return Ok(self.exprs.template(Level::Primary, &format!("TRY_CAST(# AS {name})"), operands));
            }
            ("extract_postgres", Target::Postgres) => {
                let (Some(field), [_, value]) = (args.first().and_then(|&field| self.text_of(field)), operands) else {
                    return Err(self.lost_scalar());
                };
                let template = format!("EXTRACT({} FROM #)", field.to_uppercase());
                return Ok(self.exprs.template(Level::Primary, &template, &[*value]));
            }
            ("round_postgres", Target::Postgres) => return Ok(self.exprs.call("round", operands)),
            ("round_postgres", Target::DuckDb) if data_type.is_float() => {
                return Ok(self.exprs.template(Level::Primary, "round_even(#, 0)", operands));
            }
            ("round_postgres", Target::Spark) if data_type.is_float() => return Ok(self.exprs.call("rint", operands)),
            ("cast_of_jsonb" | "cast_of_float_postgres", Target::Postgres) => match operands {
                [value] => return self.cast_to(*value, data_type),
                _ => return Err(self.lost_scalar()),
            },
            _ => {}
        }
        if matches!(function.name(), "make_timestamp" | "make_time") && self.dialect == Target::Postgres {
            return self.made_time(function.name(), args, operands);
        }
        let Some(name) = self.listed_name(function) else {
            let construct = format!("the function `{}`", function.name());
            return Err(self.refuse("GEN-0034", construct, "use a function that the target has"));
        };
        if function.row().facts.volatility == Volatility::Volatile {
            // The serial number, which stands first, is not written.
            let behind = operands.get(1..).unwrap_or_default();
            let places = vec!["#"; behind.len()].join(", ");
            return Ok(self.exprs.template_of(Kind::Volatile, Level::Primary, &format!("{name}({places})"), behind));
        }
        Ok(self.exprs.call(name, operands))
    }

    /// A time of its parts, of which PostgreSQL wants the last as a double and the others as integers.
    fn made_time(&mut self, name: &str, args: &[ScalarId], operands: &[ExprId]) -> Result<ExprId, CodegenError> {
        let whole = operands.len().saturating_sub(1);
        let mut parts = self.as_integers(&args[..whole], &operands[..whole])?;
        parts.extend_from_slice(&operands[whole..]);
        Ok(self.exprs.call(if name == "make_time" { "make_time" } else { "make_timestamp" }, &parts))
    }

    /// The name that the target gives a listed function.
    pub(super) fn listed_name(&self, function: ListedFunction) -> Option<&'static str> {
        function.row().names(self.dialect.dialect()).first().map(|known| known.name.as_str())
    }

    /// `substring` as Spark means it: 0 is the first position, and what lies before the text is cut off.
    fn substring_of_spark(&mut self, operands: &[ExprId]) -> ExprId {
        let start = "CASE WHEN @ > 0 THEN @ WHEN @ = 0 THEN 1 ELSE length(#) + @ + 1 END";
        match *operands {
            [text, at, length] => {
                let start = self.exprs.template(Level::Primary, start, &[at, at, at, text, at]);
                let taken = "substring(#, greatest(#, 1), greatest(@ + least(@ - 1, 0), 0))";
                self.exprs.template(Level::Primary, taken, &[text, start, length, start])
            }
            [text, at, ..] => {
                let start = self.exprs.template(Level::Primary, start, &[at, at, at, text, at]);
                self.exprs.template(Level::Primary, "substring(#, greatest(#, 1))", &[text, start])
            }
            _ => self.exprs.call("substring", operands),
        }
    }

    fn bracketed(&mut self, open: &str, operands: &[ExprId]) -> ExprId {
        let places = vec!["#"; operands.len()].join(", ");
        self.exprs.template(Level::Primary, &format!("{open}{places}]"), operands)
    }

    /// `{'a': 1, 'b': 2}`; the names are those of the type.
    fn struct_value(&mut self, data_type: DataType, operands: &[ExprId]) -> Result<ExprId, CodegenError> {
        let fields = match data_type {
            DataType::Nested(nested) => match nested.get() {
                Nested::Struct(fields) if fields.len() == operands.len() => fields,
                Nested::Struct(_) | Nested::List(_) | Nested::Map(..) | Nested::Enum(_) => {
                    return Err(self.lost_scalar());
                }
            },
            _ => return Err(self.lost_scalar()),
        };
        if fields.iter().any(|(name, _)| name.contains(['#', '@'])) {
            let help = "use letters, digits and underscores in names of fields";
            return Err(self.refuse("GEN-0034", "a struct with such a name of a field", help));
        }
        let places: Vec<String> = fields.iter().map(|(name, _)| format!("'{}': #", name.replace('\'', "''"))).collect();
        Ok(self.exprs.template(Level::Primary, &format!("{{{}}}", places.join(", ")), operands))
    }

    /// `MAP {k: v}` of keys and values in turn.
    fn map_value(&mut self, operands: &[ExprId]) -> ExprId {
        let places = vec!["#: #"; operands.len() / 2].join(", ");
        self.exprs.template(Level::Primary, &format!("MAP {{{places}}}"), operands)
    }

    /// `lambda x, y: body`; the body stands first among the operands.
    fn lambda(&mut self, operands: &[ExprId]) -> ExprId {
        let (body, params) = operands.split_at(1.min(operands.len()));
        let places = vec!["#"; params.len()].join(", ");
        let operands: Vec<ExprId> = params.iter().chain(body).copied().collect();
        self.exprs.template(Level::Primary, &format!("lambda {places}: #"), &operands)
    }
}

/// The operator that says a function, as a template.
fn operator(name: &str, target: Target) -> Option<&'static str> {
    Some(match (name, target) {
        ("bitwise_and", _) => "(@ & @)",
        ("bitwise_or", _) => "(@ | @)",
        ("bitwise_not", Target::DuckDb | Target::Postgres | Target::Spark) => "(~@)",
        ("bitwise_xor", Target::Spark) => "(@ ^ @)",
        ("shift_left", Target::DuckDb | Target::Postgres) => "(@ << @)",
        ("shift_right", Target::DuckDb | Target::Postgres) => "(@ >> @)",
        _ => return None,
    })
}
