//! Rule templates: what binds, and what is refused with a code.

use std::sync::Arc;

use isomer_frontend::compile_rules;
use isomer_ir::Arena;

/// The codes of a rule of this header and body.
fn codes(header: &str) -> Vec<&'static str> {
    let text = format!("rule try-it\n  \"Tries it.\"\n  class exact\n{header}\n");
    let (rules, mut faults) = isomer_rules::parse(&Arc::from("try.rules"), &text);
    let (set, more) = isomer_rules::check(rules);
    faults.extend(more);
    let (_, refused) = compile_rules(&set, &mut Arena::default());
    // What a project's rule owes (examples, refusals) is not at issue here, nor holes that no side uses.
    faults.extend(refused);
    faults
        .iter()
        .map(|fault| fault.code)
        .filter(|code| !matches!(*code, "RULE-0030" | "RULE-0031" | "RULE-0038"))
        .collect()
}

#[test]
fn templates_bind_or_are_refused_by_code() {
    let relation = "  for L table, R table, C columns of L, j column of L, k column of R, p predicate\n";
    let cases: [(&str, String, &[&str]); 24] = [
        ("a scalar", "  for x expr\n  match upper(upper($x)) => upper($x)".into(), &[]),
        ("a predicate", "  for x expr\n  match WHERE $x = $x => WHERE $x IS NOT NULL".into(), &[]),
        ("an aggregate", "  for x expr\n  match max(DISTINCT $x) => max($x)".into(), &[]),
        (
            "a join",
            format!(
                "{relation}  match SELECT $C FROM $L JOIN $R ON $L.$j = $R.$k WHERE $p($L) => SELECT $C FROM $L WHERE $p($L)"
            ),
            &[],
        ),
        (
            "a predicate of two tables",
            format!(
                "{relation}  match SELECT $C FROM $L JOIN $R ON $p($L, $R) => SELECT $C FROM $L WHERE EXISTS (SELECT 1 FROM $R WHERE $p($L, $R))"
            ),
            &[],
        ),
        (
            "a group",
            format!(
                "{relation}  match SELECT $j, count(*) AS n FROM $L GROUP BY $j => SELECT $j, sum(1)::bigint AS n FROM $L GROUP BY $j"
            ),
            &[],
        ),
        ("a relation hole in a scalar", "  for L table\n  match abs(abs($L)) => abs($L)".into(), &["RULE-0041"]),
        ("an aggregate for a scalar", "  for x expr\n  match abs($x) => max($x)".into(), &["RULE-0042"]),
        ("a draw by chance", "  for x expr\n  match abs($x) => abs($x) + random()".into(), &["RULE-0043"]),
        ("SQL that does not bind", "  for x expr\n  match nosuch($x) => $x".into(), &["RULE-0044"]),
        (
            "a table of the project",
            format!("{relation}  match SELECT $C FROM $L WHERE $L.$j IN (SELECT id FROM t) => SELECT $C FROM $L"),
            &["RULE-0044"],
        ),
        (
            "a window",
            format!(
                "{relation}  match SELECT $C FROM $L => SELECT $C FROM (SELECT $C, row_number() OVER () AS n FROM $L) AS s"
            ),
            &["RULE-0055"],
        ),
        ("a limit of any rows", format!("{relation}  match SELECT $C FROM $L LIMIT 1 => SELECT $C FROM $L"), &["RULE-0046"]),
        (
            "the first rows of an order",
            "  for L table, k column of L, n literal\n  match SELECT $k FROM (SELECT $k FROM $L ORDER BY $k LIMIT $n) AS s ORDER BY $k LIMIT $n => SELECT $k FROM $L ORDER BY $k LIMIT $n".into(),
            &[],
        ),
        (
            "a union of lists",
            format!("{relation}  match SELECT $C FROM $L WHERE $p($L) UNION ALL SELECT $C FROM $L WHERE NOT $p($L) => SELECT $C FROM $L WHERE $p($L) IS NOT NULL"),
            &[],
        ),
        (
            "another list than the union's",
            "  for L table, C columns of L, D columns of L\n  match SELECT $C FROM $L UNION ALL SELECT $C FROM $L WHERE 1 = 0 => SELECT $D FROM $L".into(),
            &["RULE-0028"],
        ),
        (
            "a filter above a union",
            format!("{relation}  match SELECT $j FROM (SELECT $L.$j FROM $L UNION ALL SELECT $L.$j FROM $L) AS u WHERE $j > 1 => SELECT $L.$j FROM $L"),
            &["RULE-0046"],
        ),
        (
            "one table twice",
            format!("{relation}  match SELECT a.$C FROM $L AS a JOIN $L AS b ON a.$j = b.$j WHERE $p(a) => SELECT $C FROM $L WHERE $p($L)"),
            &[],
        ),
        (
            "a filter over groups",
            format!("{relation}  match SELECT $j, count(*) AS n FROM $L GROUP BY $j HAVING count(*) > 0 => SELECT $j, count(*) AS n FROM $L GROUP BY $j"),
            &[],
        ),
        (
            "an expression in the pattern",
            format!("{relation}  match SELECT $L.$j + 1 AS x FROM $L => SELECT $L.$j AS x FROM $L"),
            &["RULE-0046"],
        ),
        (
            "a guard that is not decided",
            "  for x expr\n  match abs($x) => $x\n  when single_row($x)".into(),
            &["RULE-0047"],
        ),
        (
            "a predicate of no table",
            format!("{relation}  match SELECT $C FROM $L JOIN $R ON $L.$j = $R.$k WHERE $p => SELECT $C FROM $L"),
            &["RULE-0048"],
        ),
        (
            "another number of columns",
            format!("{relation}  match SELECT $C FROM $L => SELECT $C, 1 AS one FROM $L"),
            &["RULE-0049"],
        ),
        ("WHERE on one side", "  for x expr\n  match $x = $x => WHERE $x IS NOT NULL".into(), &["RULE-0050"]),
    ];
    for (title, header, expect) in cases {
        assert_eq!(codes(&header), expect, "{title}:\n{header}");
    }
    assert_eq!(codes("  for x expr, p predicate\n  match sum($x) FILTER (WHERE $p) => sum($x)"), ["RULE-0051"]);
}
