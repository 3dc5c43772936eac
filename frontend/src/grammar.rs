//! A dialect's grammar with a bound on the parser's work.
//!
//! The parser tries one reading of a call or a `CASE` after another; with a fault inside, each level
//! of nesting doubles the work. The only hook that a grammar has into every attempt is
//! [`Dialect::parse_prefix`], which therefore counts and gives up.

use std::any::TypeId;
use std::cell::Cell;
use std::fmt::Debug;
use std::iter::Peekable;
use std::str::Chars;

use sqlparser::ast::{
    BinaryOperator, ColumnOption, Expr, GranteesType, Ident, ObjectNamePart, Statement, UnaryOperator,
};
use sqlparser::dialect::{DatabricksDialect, Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// Attempts at an operand that every text may take.
const BASE_BUDGET: usize = 100_000;
/// Further attempts for each token. Texts without a fault take one or two.
const BUDGET_PER_TOKEN: usize = 16;

/// The grammar of `base`, which gives up after a number of attempts at an operand.
#[derive(Debug)]
pub(crate) struct Bounded<D> {
    base: D,
    budget: Cell<usize>,
    is_duckdb: bool,
    has_versions: bool,
}

/// How tight operators bind that DuckDB has no level of their own for: less than `+`, more than `=`.
const OTHER_OPERATOR: u8 = 25;
/// How tight `^` binds in DuckDB: more than `*`.
const POWER: u8 = 45;
/// How tight `->` binds in DuckDB: less than anything.
const ARROW: u8 = 3;

impl<D: Dialect> Bounded<D> {
    /// A grammar for one text of `n_tokens` tokens.
    pub(crate) fn new(base: D, n_tokens: usize) -> Self {
        let budget = n_tokens.saturating_mul(BUDGET_PER_TOKEN).saturating_add(BASE_BUDGET);
        Self { base, budget: Cell::new(budget), is_duckdb: false, has_versions: false }
    }

    /// As [`Bounded::new`], with the levels of DuckDB's operators, of which the base has others.
    pub(crate) fn of_duckdb(base: D, n_tokens: usize) -> Self {
        Self { is_duckdb: true, ..Self::new(base, n_tokens) }
    }

    /// An operand with a sign, where the parser takes another part of what follows for its operand than the
    /// dialect does: of DuckDB and PostgreSQL a minus binds tighter than `^`, and `~` less than `+`; elsewhere `~`
    /// binds tighter than `*`.
    fn signed(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let is_postgres = self.base.dialect() == TypeId::of::<PostgreSqlDialect>();
        let is_alike = self.is_duckdb || is_postgres;
        let of = |duckdb: u8, postgres: Precedence| {
            if self.is_duckdb { duckdb } else { self.base.prec_value(postgres) }
        };
        let (op, precedence) = match parser.peek_token_ref().token {
            Token::Minus if is_alike => (UnaryOperator::Minus, of(POWER, Precedence::Caret)),
            Token::Plus if is_alike => (UnaryOperator::Plus, of(POWER, Precedence::Caret)),
            Token::Tilde if is_alike => (UnaryOperator::BitwiseNot, of(OTHER_OPERATOR, Precedence::PgOther)),
            Token::Tilde => (UnaryOperator::BitwiseNot, self.base.prec_value(Precedence::MulDivModOp)),
            _ => return None,
        };
        parser.next_token();
        let operand = parser.parse_subexpr(precedence);
        Some(operand.map(|expr| Expr::UnaryOp { op, expr: Box::new(expr) }))
    }

    /// The grammar with `AT (VERSION => …)` behind tables. Only for texts that have it: `at` is an alias elsewhere.
    pub(crate) fn with_versions(self, has_versions: bool) -> Self {
        Self { has_versions, ..self }
    }
}

/// Methods that take nothing and say yes or no, handed to `base`.
macro_rules! delegate {
    ($($method:ident)*) => {
        $(fn $method(&self) -> bool {
            self.base.$method()
        })*
    };
}

impl<D: Dialect> Dialect for Bounded<D> {
    fn dialect(&self) -> TypeId {
        self.base.dialect()
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let Some(left) = self.budget.get().checked_sub(1) else {
            // The one error that the parser does not answer with another attempt.
            return Some(Err(ParserError::RecursionLimitExceeded));
        };
        self.budget.set(left);
        if let Some(signed) = self.signed(parser) {
            return Some(signed);
        }
        self.base.parse_prefix(parser)
    }

    fn supports_table_versioning(&self) -> bool {
        self.has_versions || self.base.supports_table_versioning()
    }

    /// DuckDB has `E'…'` and `1_000`, which its base does not read.
    fn supports_string_escape_constant(&self) -> bool {
        self.is_duckdb || self.base.supports_string_escape_constant()
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        self.is_duckdb || self.base.supports_numeric_literal_underscores()
    }

    /// DuckDB has `* RENAME`, which its base does not read.
    fn supports_select_wildcard_rename(&self) -> bool {
        self.is_duckdb || self.base.supports_select_wildcard_rename()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        self.base.is_delimited_identifier_start(ch)
    }

    fn is_nested_delimited_identifier_start(&self, ch: char) -> bool {
        self.base.is_nested_delimited_identifier_start(ch)
    }

    fn peek_nested_delimited_identifier_quotes(&self, chars: Peekable<Chars<'_>>) -> Option<(char, Option<char>)> {
        self.base.peek_nested_delimited_identifier_quotes(chars)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.base.identifier_quote_style(identifier)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        self.base.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.base.is_identifier_part(ch)
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        self.base.is_custom_operator_part(ch)
    }

    /// `IS DISTINCT FROM`, behind which the parser takes conjuncts and disjuncts for its right side; and
    /// Spark's `DIV`, which its base leaves out.
    fn parse_infix(&self, parser: &mut Parser<'_>, expr: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        let is_negated = parser.parse_keywords(&[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM]);
        if is_negated || parser.parse_keywords(&[Keyword::IS, Keyword::DISTINCT, Keyword::FROM]) {
            let right = parser.parse_subexpr(precedence);
            let tied = if is_negated { Expr::IsNotDistinctFrom } else { Expr::IsDistinctFrom };
            return Some(right.map(|right| tied(Box::new(expr.clone()), Box::new(right))));
        }
        if self.base.dialect() == TypeId::of::<DatabricksDialect>() && parser.parse_keyword(Keyword::DIV) {
            let right = parser.parse_subexpr(precedence);
            return Some(right.map(|right| Expr::BinaryOp {
                left: Box::new(expr.clone()),
                op: BinaryOperator::MyIntegerDivide,
                right: Box::new(right),
            }));
        }
        self.base.parse_infix(parser, expr, precedence)
    }

    /// Spark has escapes, which its base leaves out.
    fn supports_string_literal_backslash_escape(&self) -> bool {
        self.base.dialect() == TypeId::of::<DatabricksDialect>() || self.base.supports_string_literal_backslash_escape()
    }

    fn ignores_wildcard_escapes(&self) -> bool {
        self.base.dialect() == TypeId::of::<DatabricksDialect>() || self.base.ignores_wildcard_escapes()
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        self.base.get_next_precedence(parser)
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        self.is_duckdb || self.base.supports_window_function_null_treatment_arg()
    }

    fn get_next_precedence_default(&self, parser: &Parser<'_>) -> Result<u8, ParserError> {
        if self.is_duckdb {
            match parser.peek_token_ref().token {
                Token::StringConcat
                | Token::LongArrow
                | Token::Ampersand
                | Token::Pipe
                | Token::ShiftLeft
                | Token::ShiftRight => return Ok(OTHER_OPERATOR),
                Token::Caret => return Ok(POWER),
                Token::Arrow => return Ok(ARROW),
                _ => {}
            }
        }
        self.base.get_next_precedence_default(parser)
    }

    fn parse_statement(&self, parser: &mut Parser<'_>) -> Option<Result<Statement, ParserError>> {
        self.base.parse_statement(parser)
    }

    fn parse_column_option(
        &self,
        parser: &mut Parser<'_>,
    ) -> Result<Option<Result<Option<ColumnOption>, ParserError>>, ParserError> {
        self.base.parse_column_option(parser)
    }

    fn prec_value(&self, prec: Precedence) -> u8 {
        self.base.prec_value(prec)
    }

    fn prec_unknown(&self) -> u8 {
        self.base.prec_unknown()
    }

    fn is_reserved_for_identifier(&self, kw: Keyword) -> bool {
        self.base.is_reserved_for_identifier(kw)
    }

    fn get_reserved_keywords_for_select_item_operator(&self) -> &[Keyword] {
        self.base.get_reserved_keywords_for_select_item_operator()
    }

    fn get_reserved_grantees_types(&self) -> &[GranteesType] {
        self.base.get_reserved_grantees_types()
    }

    fn is_column_alias(&self, kw: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.base.is_column_alias(kw, parser)
    }

    fn is_select_item_alias(&self, explicit: bool, kw: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.base.is_select_item_alias(explicit, kw, parser)
    }

    fn is_table_factor(&self, kw: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.base.is_table_factor(kw, parser)
    }

    fn is_table_alias(&self, kw: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.base.is_table_alias(kw, parser)
    }

    fn is_table_factor_alias(&self, explicit: bool, kw: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.base.is_table_factor_alias(explicit, kw, parser)
    }

    fn is_identifier_generating_function_name(&self, ident: &Ident, name_parts: &[ObjectNamePart]) -> bool {
        self.base.is_identifier_generating_function_name(ident, name_parts)
    }

    delegate! {
        supports_unicode_string_literal
        supports_filter_during_aggregation
        supports_window_clause_named_window_reference
        supports_within_after_array_aggregation
        supports_partition_by_after_order_by
        supports_array_join_syntax
        supports_group_by_expr
        supports_group_by_with_modifier
        supports_left_associative_joins_without_parens
        supports_outer_join_operator
        supports_cross_join_constraint
        supports_connect_by
        supports_execute_immediate
        supports_match_recognize
        supports_in_empty_list
        supports_start_transaction_modifier
        supports_end_transaction_modifier
        supports_named_fn_args_with_eq_operator
        supports_named_fn_args_with_colon_operator
        supports_named_fn_args_with_assignment_operator
        supports_named_fn_args_with_rarrow_operator
        supports_named_fn_args_with_expr_name
        supports_numeric_prefix
        supports_dictionary_syntax
        support_map_literal_syntax
        supports_lambda_functions
        supports_parenthesized_set_variables
        supports_comma_separated_set_assignments
        supports_update_order_by
        supports_select_wildcard_except
        convert_type_before_value
        supports_triple_quoted_string
        supports_trailing_commas
        supports_limit_comma
        supports_string_literal_concatenation
        supports_string_literal_concatenation_with_newline
        supports_projection_trailing_commas
        supports_from_trailing_commas
        supports_column_definition_trailing_commas
        supports_object_name_double_dot_notation
        supports_struct_literal
        supports_empty_projections
        supports_select_expr_star
        supports_from_first_select
        supports_from_first_insert
        supports_pipe_operator
        supports_user_host_grantee
        supports_match_against
        supports_select_wildcard_exclude
        supports_select_exclude
        supports_create_table_multi_schema_info_sources
        supports_select_modifiers
        describe_requires_table_keyword
        allow_extract_custom
        allow_extract_single_quotes
        supports_extract_comma_syntax
        supports_subquery_as_function_arg
        supports_create_view_comment_syntax
        supports_array_typedef_without_element_type
        supports_parens_around_table_factor
        supports_values_as_table_factor
        supports_dollar_placeholder
        supports_dollar_as_money_prefix
        supports_create_index_with_clause
        require_interval_qualifier
        supports_explain_with_utility_options
        supports_asc_desc_in_column_definition
        supports_factorial_operator
        supports_bitwise_shift_operators
        supports_nested_comments
        supports_multiline_comment_hints
        supports_eq_alias_assignment
        supports_try_convert
        supports_bang_not_operator
        supports_listen_notify
        supports_load_data
        supports_load_extension
        supports_top_before_distinct
        supports_boolean_literals
        supports_show_like_before_in
        supports_comment_on
        supports_create_table_select
        supports_partiql
        supports_constraint_keyword_without_name
        supports_key_column_option
        supports_table_sample_before_alias
        supports_insert_set
        supports_insert_table_function
        supports_insert_table_query
        supports_insert_format
        supports_insert_table_alias
        supports_set_stmt_without_operator
        supports_table_hints
        requires_single_line_comment_whitespace
        supports_array_typedef_with_brackets
        supports_geometric_types
        supports_order_by_all
        supports_set_names
        supports_space_separated_column_options
        supports_alter_column_type_using
        supports_comma_separated_drop_column_list
        supports_notnull_operator
        supports_data_type_signed_suffix
        supports_interval_options
        supports_create_table_like_parenthesized
        supports_semantic_view_table_factor
        supports_quote_delimited_string
        supports_comment_optimizer_hint
        supports_double_ampersand_operator
        supports_binary_kw_as_cast
        supports_select_wildcard_replace
        supports_select_wildcard_ilike
        supports_select_wildcard_with_alias
        supports_optimize_table
        supports_install
        supports_detach
        supports_prewhere
        supports_with_fill
        supports_limit_by
        supports_interpolate
        supports_settings
        supports_select_format
        supports_comma_separated_trim
        supports_cte_without_as
        supports_select_item_multi_column_alias
        supports_xml_expressions
        supports_create_table_using
        supports_long_type_as_bigint
        supports_map_literal_with_angle_brackets
    }
}
