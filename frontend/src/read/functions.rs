//! `functions` of `isomer.yml`: functions that the project's database has and the function table has not.

use isomer_ir::{
    Catalog, Dialect, Expected, Facts, FunctionKind, FunctionRow, Gives, ListedFunction, OverNothing, Parts, Signature,
    Span, Volatility, fold,
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
    kind: FunctionKind,
    facts: Facts,
}

const KINDS: [&str; 10] = ["any", "text", "int", "number", "bool", "time", "interval", "list", "fields", "json"];
/// The words of a setting, and what each of them means.
type Words<T> = [(&'static str, T)];

const VOLATILITIES: &Words<Volatility> =
    &[("immutable", Volatility::Immutable), ("stable", Volatility::Stable), ("volatile", Volatility::Volatile)];
const OVER_NOTHING: &Words<OverNothing> =
    &[("null", OverNothing::Null), ("zero", OverNothing::Zero), ("empty list", OverNothing::EmptyList)];
const PARTS: &Words<Parts> = &[("itself", Parts::Itself), ("sum", Parts::Summed)];

/// Reads the functions of an `isomer.yml`.
pub(crate) fn functions(node: &Node, reading: &mut Reading<'_>) -> Vec<FunctionDecl> {
    let named = reading.named("functions", node);
    named.into_iter().map(|(name, span, node)| function(name, span, node, reading)).collect()
}

fn function(name: String, span: Span, node: &Node, reading: &mut Reading<'_>) -> FunctionDecl {
    const KNOWN: [&str; 16] = [
        "name",
        "args",
        "returns",
        "volatility",
        "strict",
        "total",
        "never_null",
        "can_raise",
        "aggregate",
        "order_sensitive",
        "duplicate_sensitive",
        "skips_nulls",
        "over_one_row",
        "over_nothing",
        "combined_by",
        "description",
    ];
    // What is not said is taken for the worst.
    let facts = Facts { volatility: Volatility::Volatile, is_ordered: true, ..Facts::UNKNOWN };
    let mut decl =
        FunctionDecl { name: (name, span), args: Vec::new(), returns: None, kind: FunctionKind::Scalar, facts };
    for Entry { key, node, .. } in reading.settings("a function", node, &KNOWN) {
        match key.as_str() {
            "args" => decl.args = reading.texts(key, node),
            "returns" => decl.returns = reading.text(key, node).map(|text| (text, node.span)),
            "volatility" => decl.facts.volatility = word(key, node, VOLATILITIES, Volatility::Volatile, reading),
            "strict" => decl.facts.is_strict = reading.boolean(key, node).unwrap_or(false),
            "total" => decl.facts.is_total = reading.boolean(key, node).unwrap_or(false),
            "never_null" => decl.facts.is_never_null = reading.boolean(key, node).unwrap_or(false),
            "can_raise" => decl.facts.is_safe = !reading.boolean(key, node).unwrap_or(true),
            "aggregate" if reading.boolean(key, node).unwrap_or(false) => decl.kind = FunctionKind::Aggregate,
            "order_sensitive" => decl.facts.is_ordered = reading.boolean(key, node).unwrap_or(true),
            "duplicate_sensitive" => {
                decl.facts.is_duplicate_insensitive = !reading.boolean(key, node).unwrap_or(true);
            }
            "skips_nulls" => decl.facts.skips_nulls = reading.boolean(key, node).unwrap_or(false),
            "over_one_row" => {
                decl.facts.is_single = word(key, node, &[("argument", true)], false, reading);
            }
            "over_nothing" => decl.facts.over_nothing = word(key, node, OVER_NOTHING, OverNothing::Unknown, reading),
            "combined_by" => decl.facts.parts = word(key, node, PARTS, Parts::None, reading),
            _ => {}
        }
    }
    decl
}

/// What a word of a setting means; `worst` where it is none of them, which is a fault.
fn word<T: Copy>(key: &str, node: &Node, words: &Words<T>, worst: T, reading: &mut Reading<'_>) -> T {
    let found = reading.text(key, node).unwrap_or_default();
    match words.iter().find(|(known, _)| *known == found.to_lowercase()) {
        Some(&(_, meaning)) => meaning,
        None => {
            let help = did_you_mean(&found, words.iter().map(|(known, _)| *known));
            reading.fault_with("PRJ-0033", node.span, format!("found `{found}` as `{key}`"), help);
            worst
        }
    }
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
    let facts = decl.facts;
    if decl.kind == FunctionKind::Aggregate && facts.volatility != Volatility::Immutable {
        let message = format!("aggregate `{name}` is not `immutable`");
        reading.fault_with("PRJ-0033", decl.name.1, message, "say `volatility: immutable`".to_owned());
        return;
    }
    if facts.parts != Parts::None && args.len() != 1 {
        let message =
            format!("function `{name}` is combined from parts and takes {} arguments, expected one", args.len());
        reading.fault("PRJ-0033", decl.name.1, message);
        return;
    }
    if let Some(message) = facts.contradiction() {
        reading.fault("PRJ-0033", decl.name.1, format!("function `{name}` {message}"));
        return;
    }
    let signature = Signature { args, gives: Gives::Type(data_type) };
    let row = FunctionRow::declared(&fold(name), decl.kind, dialect, signature, facts);
    catalog.declare_function(fold(name), ListedFunction::declared(row));
}
