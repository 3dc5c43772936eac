//! The closed vocabularies: guards, and the names of native rules.

/// A guard that rules may use.
#[derive(Debug, Clone, Copy)]
pub struct GuardInfo {
    /// Name.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// When it holds, and to which side it errs.
    pub meaning: &'static str,
    /// Whether the optimizer decides it for scalar and aggregate templates. What it decides for neither
    /// kind is documentation of what a native rule checks by itself.
    pub is_for_scalars: bool,
    /// Whether the optimizer decides it for relation templates.
    pub is_for_relations: bool,
    pub(crate) form: GuardForm,
}

/// What a guard is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuardForm {
    /// Holes, at least so many, and nothing else.
    Holes(usize),
    /// Holes and `in (word, …)`.
    Type,
    /// `input` and a bound.
    Rows,
}

impl GuardForm {
    const fn of(usage: &str) -> Self {
        let usage = usage.as_bytes();
        let (mut n_holes, mut n_args, mut position) = (0, 1, 0);
        while position < usage.len() {
            match usage[position] {
                b'$' => n_holes += 1,
                b',' => n_args += 1,
                b' ' if position > 0 && usage[position - 1] == b')' => {
                    return if n_holes > 0 { Self::Type } else { Self::Rows };
                }
                _ => {}
            }
            position += 1;
        }
        Self::Holes(n_args)
    }
}

/// The words that `type($x) in (…)` knows.
pub(crate) const TYPE_WORDS: &[&str] = &[
    "boolean",
    "bool",
    "integer",
    "int",
    "decimal",
    "exact",
    "float",
    "double",
    "numeric",
    "text",
    "varchar",
    "string",
    "bytes",
    "blob",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "temporal",
    "interval",
    "uuid",
];

const fn guard(name: &'static str, usage: &'static str, meaning: &'static str, uses: &[Use]) -> GuardInfo {
    let mut info =
        GuardInfo { name, usage, meaning, is_for_scalars: false, is_for_relations: false, form: GuardForm::of(usage) };
    let mut position = 0;
    while position < uses.len() {
        match uses[position] {
            Use::Scalars => info.is_for_scalars = true,
            Use::Relations => info.is_for_relations = true,
        }
        position += 1;
    }
    info
}

/// For which templates a guard is decided.
#[derive(Debug, Clone, Copy)]
enum Use {
    Scalars,
    Relations,
}

/// Every guard. A guard may be false although the fact holds, never true although it does not.
pub const GUARDS: &[GuardInfo] = &[
    guard(
        "unique",
        "unique($R.$k)",
        "no two rows of the relation agree on the columns (declared or inferred key)",
        &[Use::Relations],
    ),
    guard("key", "key($R, $k)", "as `unique`, of a declared key", &[Use::Relations]),
    guard(
        "not_null",
        "not_null($x)",
        "the column or scalar is never NULL in the rows it is computed over",
        &[Use::Scalars, Use::Relations],
    ),
    guard(
        "foreign_key",
        "foreign_key($L.$j, $R.$k)",
        "every value of the one occurs in the other, by declaration",
        &[Use::Relations],
    ),
    guard("implies", "implies($p, $q)", "wherever the first is true the second is", &[]),
    guard("disjoint", "disjoint($p, $q)", "no row makes both true", &[]),
    guard(
        "deterministic",
        "deterministic($x)",
        "no volatile or statement-stable function",
        &[Use::Scalars, Use::Relations],
    ),
    guard(
        "cannot_raise",
        "cannot_raise($x)",
        "evaluation never fails, whatever the row",
        &[Use::Scalars, Use::Relations],
    ),
    guard(
        "null_rejecting",
        "null_rejecting($p, $R)",
        "not true on rows where every column of the relation is NULL",
        &[],
    ),
    guard("null_propagating", "null_propagating($x)", "NULL where all its columns are NULL", &[]),
    guard("decomposable", "decomposable($a)", "partial results combine into the whole (C1, C2)", &[]),
    guard("duplicate_insensitive", "duplicate_insensitive($a)", "repeating a row changes nothing", &[]),
    guard("reads_only", "reads_only($p, $T)", "the predicate reads no column but those of the relation", &[]),
    guard("on_keys", "on_keys($p)", "the predicate reads group keys only, and there is at least one", &[]),
    guard("on_partition", "on_partition($p)", "the predicate reads partition keys of every window only", &[]),
    guard("non_empty", "non_empty($K)", "the list has at least one member", &[]),
    guard("empty", "empty($R)", "the relation has no rows", &[Use::Relations]),
    guard("single_row", "single_row($R)", "the relation has at most one row", &[Use::Relations]),
    guard("at_most", "at_most($R, $n)", "the relation has at most that many rows", &[]),
    guard("unordered", "unordered($R)", "nobody above depends on the order of the rows", &[]),
    guard("unused", "unused($C)", "nobody above reads the columns", &[]),
    guard("same_input", "same_input($A, $B)", "both read the same rows", &[]),
    guard("same_type", "same_type($x, $y)", "both have one type", &[]),
    guard("literal", "literal($x)", "a constant", &[Use::Scalars, Use::Relations]),
    guard(
        "type",
        "type($x) in (integer, decimal, …)",
        "the type's family is one of the words",
        &[Use::Scalars, Use::Relations],
    ),
    guard(
        "rows",
        "rows(input) > n",
        "estimated rows of the input; search control, never soundness",
        &[Use::Scalars, Use::Relations],
    ),
];

/// Native rules of this binary: `snake_case` of the rule's name.
pub const NATIVES: &[&str] = &[
    "merge_filters",
    "push_filter_into_project",
    "push_filter_into_inner_join",
    "push_filter_into_outer_join",
    "push_filter_into_semi_join",
    "push_filter_into_aggregate",
    "push_filter_into_union",
    "push_filter_into_window",
    "infer_filter_transitive",
    "eliminate_false_filter",
    "eliminate_true_filter",
    "pull_common_conjunct_from_or",
    "merge_projects",
    "prune_columns",
    "prune_unused_aggregate",
    "prune_unused_window",
    "merge_windows",
    "prune_window_key",
    "eliminate_window_on_key",
    "convert_outer_join_to_inner",
    "convert_full_join_to_left",
    "eliminate_left_join_to_unique_key",
    "eliminate_inner_join_by_foreign_key",
    "merge_inner_joins",
    "convert_left_join_to_anti",
    "prune_empty_join_side",
    "infer_filter_across_join",
    "normalize_equal_columns",
    "eliminate_join_with_one_row",
    "convert_outer_join_by_sure_match",
    "convert_semi_join_to_inner",
    "convert_inner_join_to_semi",
    "eliminate_left_join_under_distinct",
    "eliminate_distinct_under_semi_join",
    "eliminate_semi_join_by_sure_match",
    "eliminate_repeated_semi_join",
    "push_semi_join_into_input",
    "eliminate_self_join_on_key",
    "decorrelate_exists",
    "decorrelate_in",
    "decorrelate_scalar_subquery",
    "decorrelate_scalar_aggregate",
    "decorrelate_lateral",
    "decorrelate_by_domain",
    "convert_single_join_to_left",
    "convert_mark_join_to_semi",
    "eliminate_unused_mark_join",
    "eliminate_distinct_on_key",
    "eliminate_aggregate_on_key",
    "eliminate_single_grouping_set",
    "prune_grouping_sets",
    "convert_distinct_to_aggregate",
    "prune_constant_group_key",
    "prune_duplicate_group_key",
    "merge_aggregates",
    "push_aggregate_into_join",
    "convert_average_to_quotient",
    "merge_linear_sums",
    "convert_disjunctive_join_to_union",
    "pull_join_from_union",
    "push_join_into_union",
    "merge_totals",
    "convert_window_to_join",
    "push_limit_into_union",
    "merge_distinct_levels",
    "simplify_aggregate_filter",
    "push_aggregate_filter_into_input",
    "eliminate_distinct_on_unique_argument",
    "convert_case_to_filter",
    "convert_sum_to_count",
    "fold_aggregate_of_key",
    "prune_determined_group_key",
    "pull_aggregate_from_union",
    "simplify_count_not_null",
    "eliminate_distinct_in_aggregate",
    "eliminate_sort_in_bag",
    "merge_limits",
    "eliminate_zero_limit",
    "eliminate_limit_by_row_bound",
    "push_limit_into_left_join",
    "convert_row_number_filter_to_limit",
    "prune_determined_sort_key",
    "prune_constant_sort_key",
    "prune_duplicate_sort_key",
    "merge_unions",
    "convert_union_to_distinct",
    "merge_union_branches",
    "pull_project_from_union",
    "push_filter_into_intersect",
    "merge_row_sets",
    "prune_repeated_input",
    "eliminate_distinct_in_row_set",
    "convert_row_set_to_filter",
    "convert_row_set_to_semi_join",
    "fold_values",
    "prune_empty_union_branch",
    "prune_empty_operator",
    "fold_aggregate_over_empty",
    "fold_constants",
    "simplify_boolean",
    "simplify_null",
    "simplify_comparison",
    "simplify_case",
    "simplify_cast",
    "simplify_null_test",
    "simplify_nullif",
    "simplify_distinct_from",
    "simplify_in_list",
    "simplify_cast_in_comparison",
    "simplify_sum_in_comparison",
    "simplify_try_cast",
    "simplify_arithmetic",
    "simplify_like",
    "merge_casts",
    "merge_cases",
    "merge_concats",
    "merge_constants_in_sum",
    "eliminate_null_test_on_not_null",
    "convert_semi_join_to_in_list",
    "infer_filter_from_disjunction",
    "merge_date_truncs",
    "simplify_integer_sum_in_comparison",
    "merge_comparisons",
    "convert_or_to_in_list",
    "convert_date_trunc_to_range",
    "convert_date_cast_to_range",
    "convert_prefix_to_like",
    "convert_regexp_to_like",
    "convert_case_to_coalesce",
    "convert_case_to_nullif",
    "convert_case_to_predicate",
    "push_function_into_case",
    "push_constant_into_filter",
    "eliminate_implied_filter",
    "normalize_operand_order",
    "share_common_plan",
    "share_aggregate_list",
    "share_roll_up",
    "share_average",
    "share_filtered_aggregate",
    "share_window_list",
];

/// The verbs that a built-in rule's name begins with.
pub(crate) const VERBS: &[&str] = &[
    "eliminate",
    "merge",
    "split",
    "push",
    "pull",
    "fold",
    "simplify",
    "normalize",
    "infer",
    "prune",
    "reorder",
    "decorrelate",
    "convert",
    "share",
];
