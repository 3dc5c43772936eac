//! Function anchors: which extension declares a function, and under which compound name.
//!
//! A function that the standard extensions of Substrait 0.85 define for the given argument types
//! is declared under their URN, any other under Isomer's own. Either way the name is the one that
//! DataFusion's consumer resolves to the meant semantics: it matches names without signature, and
//! ignores URNs and options.

use indexmap::{IndexMap, IndexSet};
use isomer_ir::DataType;
use substrait::proto::extensions::simple_extension_declaration::{ExtensionFunction, MappingType};
use substrait::proto::extensions::{SimpleExtensionDeclaration, SimpleExtensionUrn};

use super::types::abbreviation;

/// The URN of functions that no standard extension defines as they are meant.
const PRIVATE_URN: &str = "extension:isomer:functions";

const ARITHMETIC: &str = "extension:io.substrait:functions_arithmetic";
const ARITHMETIC_DECIMAL: &str = "extension:io.substrait:functions_arithmetic_decimal";
const AGGREGATE_GENERIC: &str = "extension:io.substrait:functions_aggregate_generic";
const BOOLEAN: &str = "extension:io.substrait:functions_boolean";
const COMPARISON: &str = "extension:io.substrait:functions_comparison";
const DATETIME: &str = "extension:io.substrait:functions_datetime";
const LOGARITHMIC: &str = "extension:io.substrait:functions_logarithmic";
const ROUNDING: &str = "extension:io.substrait:functions_rounding";
const ROUNDING_DECIMAL: &str = "extension:io.substrait:functions_rounding_decimal";
const STRING: &str = "extension:io.substrait:functions_string";

const BINARY_NUMERIC: &str = "i8_i8 i16_i16 i32_i32 i64_i64 fp32_fp32 fp64_fp64";
const UNARY_NUMERIC: &str = "i8 i16 i32 i64 fp32 fp64";
const DATETIME_EXTREMA: &str = "date pts ptstz";

/// `(name, URN, signatures)` of the standard functions in use; `*` repeats the last argument.
/// From the YAML files of Substrait 0.85.
const STANDARD: &[(&str, &str, &str)] = &[
    ("add", ARITHMETIC, BINARY_NUMERIC),
    ("subtract", ARITHMETIC, BINARY_NUMERIC),
    ("multiply", ARITHMETIC, BINARY_NUMERIC),
    ("divide", ARITHMETIC, BINARY_NUMERIC),
    ("modulus", ARITHMETIC, "i8_i8 i16_i16 i32_i32 i64_i64"),
    ("negate", ARITHMETIC, UNARY_NUMERIC),
    ("abs", ARITHMETIC, UNARY_NUMERIC),
    ("power", ARITHMETIC, "fp64_fp64"),
    ("sqrt", ARITHMETIC, "fp64"),
    ("exp", ARITHMETIC, "fp64"),
    ("sum", ARITHMETIC, UNARY_NUMERIC),
    ("avg", ARITHMETIC, UNARY_NUMERIC),
    ("min", ARITHMETIC, UNARY_NUMERIC),
    ("max", ARITHMETIC, UNARY_NUMERIC),
    ("corr", ARITHMETIC, "fp64_fp64"),
    ("row_number", ARITHMETIC, ""),
    ("rank", ARITHMETIC, ""),
    ("dense_rank", ARITHMETIC, ""),
    ("percent_rank", ARITHMETIC, ""),
    ("cume_dist", ARITHMETIC, ""),
    ("ntile", ARITHMETIC, "i32 i64"),
    ("first_value", ARITHMETIC, "any"),
    ("last_value", ARITHMETIC, "any"),
    ("nth_value", ARITHMETIC, "any_i32"),
    ("lag", ARITHMETIC, "any any_i32 any_i32_any"),
    ("lead", ARITHMETIC, "any any_i32 any_i32_any"),
    ("add", ARITHMETIC_DECIMAL, "dec_dec"),
    ("subtract", ARITHMETIC_DECIMAL, "dec_dec"),
    ("multiply", ARITHMETIC_DECIMAL, "dec_dec"),
    ("divide", ARITHMETIC_DECIMAL, "dec_dec"),
    ("modulus", ARITHMETIC_DECIMAL, "dec_dec"),
    ("abs", ARITHMETIC_DECIMAL, "dec"),
    ("sum", ARITHMETIC_DECIMAL, "dec"),
    ("avg", ARITHMETIC_DECIMAL, "dec"),
    ("min", ARITHMETIC_DECIMAL, "dec"),
    ("max", ARITHMETIC_DECIMAL, "dec"),
    ("count", AGGREGATE_GENERIC, "any "),
    ("and", BOOLEAN, "bool*"),
    ("or", BOOLEAN, "bool*"),
    ("not", BOOLEAN, "bool"),
    ("bool_and", BOOLEAN, "bool"),
    ("bool_or", BOOLEAN, "bool"),
    ("equal", COMPARISON, "any_any"),
    ("not_equal", COMPARISON, "any_any"),
    ("lt", COMPARISON, "any_any"),
    ("lte", COMPARISON, "any_any"),
    ("gt", COMPARISON, "any_any"),
    ("gte", COMPARISON, "any_any"),
    ("is_distinct_from", COMPARISON, "any_any"),
    ("is_not_distinct_from", COMPARISON, "any_any"),
    ("is_null", COMPARISON, "any"),
    ("is_not_null", COMPARISON, "any"),
    ("is_true", COMPARISON, "bool"),
    ("is_false", COMPARISON, "bool"),
    ("is_not_true", COMPARISON, "bool"),
    ("is_not_false", COMPARISON, "bool"),
    ("nullif", COMPARISON, "any_any"),
    ("coalesce", COMPARISON, "any*"),
    ("min", DATETIME, DATETIME_EXTREMA),
    ("max", DATETIME, DATETIME_EXTREMA),
    ("ln", LOGARITHMIC, "fp64"),
    ("log10", LOGARITHMIC, "fp64"),
    ("log2", LOGARITHMIC, "fp64"),
    ("ceil", ROUNDING, "fp32 fp64"),
    ("floor", ROUNDING, "fp32 fp64"),
    ("round", ROUNDING, "fp32_i32 fp64_i32"),
    ("ceil", ROUNDING_DECIMAL, "dec"),
    ("floor", ROUNDING_DECIMAL, "dec"),
    ("round", ROUNDING_DECIMAL, "dec_i32"),
    ("concat", STRING, "str*"),
    ("concat_ws", STRING, "str_str*"),
    ("like", STRING, "str_str"),
    ("substring", STRING, "str_i32_i32 str_i32"),
    ("starts_with", STRING, "str_str"),
    ("ends_with", STRING, "str_str"),
    ("contains", STRING, "str_str"),
    ("strpos", STRING, "str_str"),
    ("replace", STRING, "str_str_str"),
    ("repeat", STRING, "str_i64"),
    ("reverse", STRING, "str"),
    ("lower", STRING, "str"),
    ("upper", STRING, "str"),
    ("char_length", STRING, "str"),
    ("trim", STRING, "str_str"),
    ("ltrim", STRING, "str_str"),
    ("rtrim", STRING, "str_str"),
    ("lpad", STRING, "str_i32_str"),
    ("rpad", STRING, "str_i32_str"),
    ("left", STRING, "str_i32"),
    ("right", STRING, "str_i32"),
    ("string_agg", STRING, "str_str"),
];

/// The functions of one plan, in the order of first use. Anchors count from 1.
#[derive(Debug, Default)]
pub(super) struct Registry {
    urns: IndexSet<&'static str>,
    functions: IndexMap<(usize, String), u32>,
}

impl Registry {
    /// The anchor of a function over arguments of these types.
    pub(super) fn anchor(&mut self, name: &str, arguments: &[DataType]) -> u32 {
        self.declared(declaration(name, arguments))
    }

    /// The anchor of an aggregate over arguments of these types. The standard has some functions
    /// over windows alone.
    pub(super) fn aggregate_anchor(&mut self, name: &str, arguments: &[DataType]) -> u32 {
        let is_private = matches!(name, "first_value" | "last_value");
        self.declared(if is_private { private_declaration(name, arguments) } else { declaration(name, arguments) })
    }

    fn declared(&mut self, (urn, compound): (&'static str, String)) -> u32 {
        let (urn, _) = self.urns.insert_full(urn);
        let next = u32::try_from(self.functions.len() + 1).expect("a plan has fewer than 2^32 functions");
        *self.functions.entry((urn, compound)).or_insert(next)
    }

    /// The URNs in use.
    pub(super) fn urns(&self) -> Vec<SimpleExtensionUrn> {
        (1..)
            .zip(&self.urns)
            .map(|(extension_urn_anchor, urn)| SimpleExtensionUrn { extension_urn_anchor, urn: (*urn).to_owned() })
            .collect()
    }

    /// The functions in use.
    pub(super) fn declarations(&self) -> Vec<SimpleExtensionDeclaration> {
        let declaration = |((urn, name), anchor): (&(usize, String), &u32)| SimpleExtensionDeclaration {
            mapping_type: Some(MappingType::ExtensionFunction(ExtensionFunction {
                extension_urn_reference: u32::try_from(urn + 1).expect("a plan has fewer than 2^32 extensions"),
                function_anchor: *anchor,
                name: name.clone(),
            })),
        };
        self.functions.iter().map(declaration).collect()
    }
}

/// The URN and the compound name of a function over arguments of these types.
fn declaration(name: &str, arguments: &[DataType]) -> (&'static str, String) {
    for (standard, urn, signatures) in STANDARD {
        if *standard == name
            && let Some(signature) = signatures.split(' ').find(|signature| is_match(signature, arguments))
        {
            return (urn, format!("{name}:{}", signature.trim_end_matches('*')));
        }
    }
    private_declaration(name, arguments)
}

fn private_declaration(name: &str, arguments: &[DataType]) -> (&'static str, String) {
    let types: Vec<&str> = arguments.iter().map(|data_type| abbreviation(*data_type)).collect();
    (PRIVATE_URN, format!("{name}:{}", types.join("_")))
}

fn is_match(signature: &str, arguments: &[DataType]) -> bool {
    let is_variadic = signature.ends_with('*');
    let parts: Vec<&str> = signature.trim_end_matches('*').split('_').filter(|part| !part.is_empty()).collect();
    let is_long_enough = if is_variadic { arguments.len() >= parts.len() } else { arguments.len() == parts.len() };
    is_long_enough
        && arguments.iter().enumerate().all(|(position, argument)| {
            let part = parts.get(position).or(parts.last());
            part.is_some_and(|part| *part == "any" || *part == abbreviation(*argument))
        })
}

#[cfg(test)]
mod tests {
    use isomer_ir::DataType as T;

    use super::declaration;

    #[test]
    fn compound_names() {
        let decimal = T::Decimal { precision: 15, scale: 2 };
        let cases: [(&str, &[T], &str); 8] = [
            ("add", &[T::Int64, T::Int64], "extension:io.substrait:functions_arithmetic add:i64_i64"),
            ("add", &[decimal, decimal], "extension:io.substrait:functions_arithmetic_decimal add:dec_dec"),
            ("add", &[T::Date, T::Interval], "extension:isomer:functions add:date_icompound"),
            ("count", &[], "extension:io.substrait:functions_aggregate_generic count:"),
            ("count", &[T::Text], "extension:io.substrait:functions_aggregate_generic count:any"),
            ("and", &[T::Boolean; 3], "extension:io.substrait:functions_boolean and:bool"),
            ("concat_ws", &[T::Text; 4], "extension:io.substrait:functions_string concat_ws:str_str"),
            ("max", &[T::Text], "extension:isomer:functions max:str"),
        ];
        for (name, arguments, expect) in cases {
            let (urn, compound) = declaration(name, arguments);
            assert_eq!(format!("{urn} {compound}"), expect);
        }
    }
}
