//! JSON: operators and paths, as calls of the dialect's own functions.

use isomer_ir::{DataType, Dialect, ScalarId};
use sqlparser::ast::{
    self, BinaryOperator, Expr, JsonPath, JsonPathElem, LambdaSyntax, OneOrManyWithParens, Value, ValueWithSpan,
};

use crate::bind::{Bind, Binder};

impl<'a> Binder<'a> {
    /// `json -> key` and `json ->> key`.
    pub(crate) fn json_operator(&mut self, json: ScalarId, key: ScalarId, is_text: bool, at: &Expr) -> Bind<ScalarId> {
        let (found, of_key) = (self.arena.type_of(json), self.arena.type_of(key));
        let is_json = found == DataType::Json || found == DataType::Text && self.dialect == Dialect::DuckDb;
        if !is_json {
            let fault = self.fault("SQL-0011", at, format!("found {found}, expected JSON"));
            return Err(Box::new(fault.with_help("declare the column's type, or write a cast")));
        }
        let (name, data_type) = match (self.dialect, is_text, of_key.is_integer()) {
            (Dialect::DuckDb, false, _) => ("json_extract", DataType::Json),
            (Dialect::DuckDb, true, _) => ("json_extract_string", DataType::Text),
            (Dialect::Postgres, false, false) => ("json_path", DataType::Json),
            (Dialect::Postgres, true, false) => ("json_path_text", DataType::Text),
            _ => return Err(self.unsupported(at, "this access to JSON")),
        };
        self.listed_call(name, [json, key], data_type, at)
    }

    /// `column -> key`, which the grammar reads as a function of `column`.
    pub(crate) fn arrow(&mut self, lambda: &'a ast::LambdaFunction, at: &Expr) -> Bind<ScalarId> {
        let OneOrManyWithParens::One(column) = &lambda.params else {
            return Err(self.unsupported(at, "a lambda function"));
        };
        if lambda.syntax != LambdaSyntax::Arrow || column.data_type.is_some() {
            return Err(self.unsupported(at, "a lambda function"));
        }
        // What follows the first key are further steps into what it finds.
        let mut steps = Vec::new();
        let mut first = &*lambda.body;
        while let Expr::BinaryOp { left, op: op @ (BinaryOperator::Arrow | BinaryOperator::LongArrow), right } = first {
            steps.push((*op == BinaryOperator::LongArrow, &**right));
            first = left;
        }
        let is_key = |key: &Expr| matches!(key, Expr::Value(_) | Expr::Nested(_));
        if !is_key(first) || !steps.iter().all(|(_, key)| is_key(key)) {
            return Err(self.unsupported(at, "`->` beside other operators without parentheses"));
        }
        let json = self.column(std::slice::from_ref(&column.name))?;
        let key = self.expr(first)?;
        let mut value = self.json_operator(json, key, false, at)?;
        for (is_text, key) in steps.into_iter().rev() {
            let key = self.expr(key)?;
            value = self.json_operator(value, key, is_text, at)?;
        }
        Ok(value)
    }

    /// `value:a.b[0]['c']`.
    pub(crate) fn json_path(&mut self, value: &'a Expr, path: &'a JsonPath, at: &Expr) -> Bind<ScalarId> {
        let value = self.expr(value)?;
        let found = self.arena.type_of(value);
        if found != DataType::Json {
            let fault = self.fault("SQL-0011", at, format!("found {found}, expected JSON"));
            return Err(Box::new(fault.with_help("declare the column's type, such as `variant`")));
        }
        let mut text = String::new();
        for element in &path.path {
            match element {
                JsonPathElem::Dot { key, quoted } => {
                    let dot = if text.is_empty() { "" } else { "." };
                    if *quoted {
                        text.push_str(&format!("{dot}\"{key}\""));
                    } else {
                        text.push_str(&format!("{dot}{key}"));
                    }
                }
                JsonPathElem::Bracket { key: Expr::Value(ValueWithSpan { value: key, .. }) } => match key {
                    Value::Number(..) | Value::SingleQuotedString(_) => text.push_str(&format!("[{key}]")),
                    _ => return Err(self.unsupported(at, "this JSON path")),
                },
                JsonPathElem::Bracket { .. } | JsonPathElem::ColonBracket { .. } => {
                    return Err(self.unsupported(at, "a JSON path that is no literal"));
                }
            }
        }
        let path = self.arena.text(&text);
        self.listed_call("get_path", [value, path], DataType::Json, at)
    }
}
