//! `functions` of `isomer.yml`: functions that the project's database has and the function table has not.

use isomer_ir::{
    Catalog, Dialect, Expected, Facts, FunctionRow, Gives, ListedFunction, Signature, Span, Volatility, fold,
};

use super::settings::Placed;
use super::yaml::{Entry, Node, Reading, did_you_mean};
use crate::type_name::data_type_from_name;

/// A function as declared.
#[derive(Debug, Clone)]
pub(crate) struct FunctionDecl {
    pub(crate) name: Placed,
    args: Vec<Placed>,
    returns: Option<Placed>,
    volatility: Volatility,
    is_strict: bool,
}

const KINDS: [&str; 10] = ["any", "text", "int", "number", "bool", "time", "interval", "list", "fields", "json"];
const VOLATILITIES: [&str; 3] = ["immutable", "stable", "volatile"];

/// Reads the functions of an `isomer.yml`.
pub(crate) fn functions(node: &Node, reading: &mut Reading<'_>) -> Vec<FunctionDecl> {
    let named = reading.named("functions", node);
    named.into_iter().map(|(name, span, node)| function(name, span, node, reading)).collect()
}

fn function(name: String, span: Span, node: &Node, reading: &mut Reading<'_>) -> FunctionDecl {
    const KNOWN: [&str; 6] = ["name", "args", "returns", "volatility", "strict", "description"];
    // What is not said is taken for the worst.
    let mut decl = FunctionDecl {
        name: (name, span),
        args: Vec::new(),
        returns: None,
        volatility: Volatility::Volatile,
        is_strict: false,
    };
    for Entry { key, node, .. } in reading.settings("a function", node, &KNOWN) {
        match key.as_str() {
            "args" => decl.args = reading.texts(key, node),
            "returns" => decl.returns = reading.text(key, node).map(|text| (text, node.span)),
            "strict" => decl.is_strict = reading.boolean(key, node).unwrap_or(false),
            "volatility" => {
                let word = reading.text(key, node).unwrap_or_default();
                decl.volatility = match word.to_lowercase().as_str() {
                    "immutable" => Volatility::Immutable,
                    "stable" => Volatility::Stable,
                    "volatile" => Volatility::Volatile,
                    _ => {
                        let help = did_you_mean(&word, VOLATILITIES);
                        let message = format!("found `{word}` as `volatility`");
                        reading.fault_with("PRJ-0033", node.span, message, help);
                        Volatility::Volatile
                    }
                };
            }
            _ => {}
        }
    }
    decl
}

/// Declares a function for the models of a dialect.
pub(crate) fn declare(decl: &FunctionDecl, dialect: Dialect, catalog: &mut Catalog, reading: &mut Reading<'_>) {
    let (name, span) = &decl.name;
    let mut args = Vec::with_capacity(decl.args.len());
    for (word, span) in &decl.args {
        let Some(expected) = Expected::from_word(word) else {
            let help = did_you_mean(word, KINDS);
            reading.fault_with("PRJ-0033", *span, format!("found `{word}` as what an argument is"), help);
            return;
        };
        args.push(expected);
    }
    let Some((type_name, span)) = &decl.returns else {
        reading.fault("PRJ-0033", *span, format!("function `{name}` has no `returns`"));
        return;
    };
    let Some(data_type) = data_type_from_name(type_name, dialect) else {
        reading.fault("PRJ-0033", *span, format!("found `{type_name}` as `returns`, expected a type of {dialect}"));
        return;
    };
    let facts = Facts { volatility: decl.volatility, is_strict: decl.is_strict, ..Facts::UNKNOWN };
    let row = FunctionRow::declared(&fold(name), dialect, Signature { args, gives: Gives::Type(data_type) }, facts);
    catalog.declare_function(fold(name), ListedFunction::declared(row));
}
