//! Projects: models bound upstream first, each into the catalog for those that read it.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{
    Arena, Bound, BoundModel, BoundProject, Column, ColumnId, Diagnostic, Dialect, Key, Model, ModelProject, Output,
    Plan, Scalar, Severity, Span, Table, fold,
};
use rustc_hash::FxHashSet;

use crate::bind::{bind_parsed, reads_of};
use crate::bind_query::MAX_OPERATORS;
use crate::column_name::told_apart;
use crate::parse::{ParsedText, SourceText, parse, with_deep_stack};

/// Longest text, in bytes, whose syntax tree is kept between finding what a model reads and binding
/// it. Trees are far larger than texts: of longer ones, one at a time is held.
const MAX_KEPT_TEXT: usize = 64 << 10;

/// Binds every model of a project into one arena.
///
/// A model that is not understood is `Opaque`, with a diagnostic that says why, and so is a model
/// that reads one whose columns nobody declares. Models that read each other in a circle are
/// project errors.
#[must_use]
pub fn bind_project(project: ModelProject) -> BoundProject {
    bind_project_with(project, Arena::default())
}

/// As [`bind_project`], into an arena that holds other projects already: equal definitions have equal ids.
#[must_use]
pub fn bind_project_with(project: ModelProject, arena: Arena) -> BoundProject {
    with_deep_stack(|| bind_models(project, arena))
}

fn bind_models(mut project: ModelProject, mut arena: Arena) -> BoundProject {
    let positions: BTreeMap<Arc<str>, usize> =
        project.models.iter().enumerate().map(|(position, model)| (Arc::clone(&model.key), position)).collect();
    let is_known =
        |key: &str, project: &ModelProject| positions.contains_key(key) || project.catalog.get(key).is_some();
    let (reads, mut kept): (Vec<_>, Vec<_>) =
        project.models.iter().map(|model| read_text(model, &|key| is_known(key, &project))).unzip();
    let (order, mut diagnostics, circular) = ordered(&project, &positions, &reads);
    let mut models: Vec<BoundModel> = reads
        .into_iter()
        .map(|reads| BoundModel { bound: Bound::Opaque, reads, comments: Vec::new(), rules: Vec::new() })
        .collect();
    let mut opaque: FxHashSet<Arc<str>> = FxHashSet::default();
    let mut folded_sizes: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for &position in &order {
        let is_bound =
            |key: &Arc<str>| positions.get(key).is_some_and(|&at| matches!(models[at].bound, Bound::Plan(_)));
        let is_read = |key: &&Arc<str>| models[position].reads.contains(*key);
        if project.models[position].folded.iter().filter(is_read).any(|key| !is_bound(key)) {
            // What is not understood by itself may be where it stands.
            let model = &mut project.models[position];
            (model.sql, model.folded) = (Arc::clone(&model.original), Vec::new());
            let model = project.models[position].clone();
            (models[position].reads, kept[position]) = read_text(&model, &|key| is_known(key, &project));
        }
        let model = project.models[position].clone();
        if model.is_opaque {
            become_opaque(&project, &model, &mut opaque);
            continue;
        }
        let cause = models[position].reads.iter().find(|key| opaque.contains(*key)).cloned();
        if circular.contains(&position) || cause.is_some() {
            if let Some(cause) = cause.filter(|_| !circular.contains(&position)) {
                let message = format!("reads `{cause}`, which is opaque, so its columns are not known");
                let whole = Span::new(0, model.sql.len());
                let note = Diagnostic::note("SQL-0017", &model.path, whole, message);
                diagnostics.push(note.with_help(format!("declare the columns of `{cause}`")));
            }
            become_opaque(&project, &model, &mut opaque);
            continue;
        }
        let is_known = |key: &str| project.catalog.get(key).is_some();
        let text = SourceText::new(&model.path, &model.sql);
        let parsed = kept[position].take().unwrap_or_else(|| parse(&text, model.dialect));
        let text = bind_parsed(&text, parsed, model.dialect, &mut arena, &project.catalog, &is_known);
        models[position].comments = text.comments;
        models[position].rules = text.rules.into_iter().map(|(rule, times)| (Arc::from(rule), times)).collect();
        if text.diagnostics.iter().any(|told| told.code == "SQL-0018" && told.severity == Severity::Note) {
            // Where it fails depends on which row is looked at first.
            project.models[position].is_rewritable = false;
        }
        diagnostics.extend(text.diagnostics);
        let mut guessed_names = text.guessed_names;
        match text.output.map(|output| distinct_names(output, &model, &mut guessed_names)) {
            Some(Ok((output, _))) if unfolded_size(&output.plan, &folded_sizes) > MAX_OPERATORS => {
                let message = format!(
                    "the plan has more than {MAX_OPERATORS} operators once ephemeral models are put where they are read"
                );
                diagnostics.push(Diagnostic::model("SQL-0004", &model.path, Span::new(0, model.sql.len()), message));
                become_opaque(&project, &model, &mut opaque);
            }
            Some(Ok((output, note))) => {
                if model.is_folded {
                    folded_sizes.insert(Arc::clone(&model.key), unfolded_size(&output.plan, &folded_sizes));
                }
                diagnostics.extend(note);
                if let Some(note) = guessed(&mut project, position, &output, &guessed_names) {
                    diagnostics.push(note);
                }
                project.catalog.insert(table_of(&model, &output, &arena));
                models[position].bound = Bound::Plan(output);
            }
            Some(Err(fault)) => {
                diagnostics.push(fault);
                become_opaque(&project, &model, &mut opaque);
            }
            None => become_opaque(&project, &model, &mut opaque),
        }
    }
    diagnostics.sort_by(|a, b| (&a.source, a.span, a).cmp(&(&b.source, b.span, b)));
    BoundProject { project, arena, models, order, diagnostics }
}

/// The operators of a plan, folded models in the place of their names.
fn unfolded_size(plan: &Plan, folded: &BTreeMap<Arc<str>, usize>) -> usize {
    let mut size = 0_usize;
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        size = size.saturating_add(1);
        if let Plan::Scan { table, .. } = plan {
            size = size.saturating_add(folded.get(table).copied().unwrap_or(0));
        }
        stack.extend(plan.inputs());
    }
    size
}

fn become_opaque(project: &ModelProject, model: &Model, opaque: &mut FxHashSet<Arc<str>>) {
    // A model whose columns are declared is read as the table that it makes.
    if project.catalog.get(&model.key).is_none_or(|table| table.columns.is_empty()) {
        opaque.insert(Arc::clone(&model.key));
    }
}

/// The keys that a model reads, sorted; and its syntax tree, unless that is too large to keep.
fn read_text(model: &Model, is_known: &dyn Fn(&str) -> bool) -> (Vec<Arc<str>>, Option<ParsedText>) {
    let text = SourceText::new(&model.path, &model.sql);
    let parsed = parse(&text, model.dialect);
    let mut reads = reads_of(&parsed.0, is_known);
    // What an unparsable text says of itself (a comment, an alias) makes no circle.
    if parsed.0.query.is_none() || model.is_opaque {
        reads.retain(|key| *key != model.key);
    }
    reads.extend(model.declared_reads.iter().filter(|key| model.is_opaque && is_known(key)).cloned());
    reads.sort_unstable();
    reads.dedup();
    (reads, (model.sql.len() <= MAX_KEPT_TEXT).then_some(parsed))
}

/// Upstream before downstream, ties by name; models in circles go last, with a diagnostic for each
/// circle.
fn ordered(
    project: &ModelProject,
    positions: &BTreeMap<Arc<str>, usize>,
    reads: &[Vec<Arc<str>>],
) -> (Vec<usize>, Vec<Diagnostic>, FxHashSet<usize>) {
    let upstream: Vec<Vec<usize>> =
        reads.iter().map(|reads| reads.iter().filter_map(|key| positions.get(key).copied()).collect()).collect();
    let mut n_open: Vec<usize> = upstream.iter().map(Vec::len).collect();
    let mut downstream: Vec<Vec<usize>> = vec![Vec::new(); reads.len()];
    for (position, upstream) in upstream.iter().enumerate() {
        for &read in upstream {
            downstream[read].push(position);
        }
    }
    let name = |position: usize| (Arc::clone(&project.models[position].name), position);
    let mut ready: BTreeMap<(Arc<str>, usize), ()> =
        (0..reads.len()).filter(|&position| n_open[position] == 0).map(|position| (name(position), ())).collect();
    let mut order = Vec::with_capacity(reads.len());
    while let Some(((_, position), ())) = ready.pop_first() {
        order.push(position);
        for &next in &downstream[position] {
            n_open[next] -= 1;
            if n_open[next] == 0 {
                ready.insert(name(next), ());
            }
        }
    }
    let done: FxHashSet<usize> = order.iter().copied().collect();
    let mut rest: Vec<usize> = (0..reads.len()).filter(|position| !done.contains(position)).collect();
    rest.sort_by_key(|&position| name(position));
    let (circles, circular) = circles(project, &upstream, &rest);
    order.extend(rest);
    (order, circles, circular)
}

/// A diagnostic for each circle found by following, from every model left, its first read that is
/// left too; and the models on the circles or behind them.
fn circles(project: &ModelProject, upstream: &[Vec<usize>], rest: &[usize]) -> (Vec<Diagnostic>, FxHashSet<usize>) {
    let left: FxHashSet<usize> = rest.iter().copied().collect();
    let mut visited: FxHashSet<usize> = FxHashSet::default();
    let mut diagnostics = Vec::new();
    for &start in rest {
        let mut path = Vec::new();
        let mut at = start;
        while visited.insert(at) {
            path.push(at);
            let Some(&next) = upstream[at].iter().find(|read| left.contains(*read)) else { break };
            at = next;
        }
        if let Some(from) = path.iter().position(|&position| position == at) {
            let circle = &path[from..];
            let names: Vec<&str> =
                circle.iter().chain(&circle[..1]).map(|&position| &*project.models[position].name).collect();
            let source = &project.models[circle[0]].path;
            let message = format!("models read each other in a circle: {}", names.join(" -> "));
            let span = Span::new(0, project.models[circle[0]].sql.len());
            let help = "one of them must not read the next";
            diagnostics.push(Diagnostic::project("PRJ-0030", source, span, message).with_help(help));
        }
    }
    (diagnostics, left)
}

/// The output with each name once. DuckDB numbers columns of one name where it makes a table or a view
/// of them; elsewhere such a model cannot be made.
fn distinct_names(
    mut output: Output,
    model: &Model,
    guessed: &mut FxHashSet<Arc<str>>,
) -> Result<(Output, Option<Diagnostic>), Diagnostic> {
    let names: Vec<Arc<str>> = output.columns.iter().map(|column| Arc::clone(&column.name)).collect();
    let whole = Span::new(0, model.sql.len());
    let mut note = None;
    for (column, name) in output.columns.iter_mut().zip(told_apart(&names)) {
        let Some(name) = name else { continue };
        let message = format!("two columns of the model are called `{}`", column.name);
        if model.dialect != Dialect::DuckDb {
            let fault = Diagnostic::model("SQL-0016", &model.path, whole, message);
            return Err(fault.with_help("give one of them another alias"));
        }
        let message = format!("{message}, and DuckDB calls the later one `{name}`");
        let told = Diagnostic::note("SQL-0016", &model.path, whole, message);
        note.get_or_insert(told.with_help("give one of them another alias"));
        if guessed.contains(&column.name) {
            guessed.insert(Arc::clone(&name));
        }
        column.name = name;
    }
    Ok((output, note))
}

/// A model that shows columns without a name of their own stays as written: under another text the engine
/// would call them something else.
fn guessed(
    project: &mut ModelProject,
    position: usize,
    output: &Output,
    names: &FxHashSet<Arc<str>>,
) -> Option<Diagnostic> {
    let is_guessed = |name: &Arc<str>| names.contains(name) || project.catalog.is_guessed(name);
    let guessed: Vec<Arc<str>> =
        output.columns.iter().map(|column| &column.name).filter(|name| is_guessed(name)).cloned().collect();
    let first = guessed.first()?;
    for name in &guessed {
        project.catalog.guess_name(name);
    }
    let model = &mut project.models[position];
    model.is_rewritable = false;
    let message = format!("`{first}` has no alias: the engine names the column, so the model is left as written");
    let note = Diagnostic::note("SQL-0040", &model.path, Span::new(0, model.sql.len()), message);
    Some(note.with_help("give the column an alias"))
}

/// A bound model as a table of the catalog.
fn table_of(model: &Model, output: &Output, arena: &Arena) -> Table {
    let columns = output.columns.iter().map(|column| Column {
        name: Arc::clone(&column.name),
        key: fold(&column.name),
        data_type: arena.column_type(column.column),
        is_nullable: column.is_nullable,
        n_distinct: None,
    });
    let declared_by: Arc<str> = Arc::from(format!("model {}", model.name));
    let key_of = |ids: Vec<ColumnId>| {
        let position = |id: ColumnId| output.columns.iter().position(|column| column.column == id);
        let mut columns: Vec<usize> = ids.into_iter().map(position).collect::<Option<_>>()?;
        columns.sort_unstable();
        columns.dedup();
        // NULLs are told apart by grouping but not by a key.
        let is_total = columns.iter().all(|&position| !output.columns[position].is_nullable);
        (is_total && !columns.is_empty()).then(|| Key { columns, declared_by: Arc::clone(&declared_by) })
    };
    let keys = unique_columns(&output.plan, arena).and_then(key_of).into_iter().collect();
    Table {
        key: Arc::clone(&model.key),
        sql_name: Arc::clone(&model.sql_name),
        columns: columns.collect(),
        keys,
        foreign_keys: Vec::new(),
        n_rows: None,
    }
}

/// Columns that are unique together by the plan's shape: group keys, or all columns under
/// `DISTINCT`. Misses most keys, invents none.
fn unique_columns(plan: &Plan, arena: &Arena) -> Option<Vec<ColumnId>> {
    match plan {
        Plan::Aggregate { keys, .. } => Some(keys.iter().map(|(id, _)| *id).collect()),
        Plan::Distinct { input } => match &**input {
            Plan::Project { exprs, .. } => Some(exprs.iter().map(|(id, _)| *id).collect()),
            _ => None,
        },
        Plan::Filter { input, .. }
        | Plan::Sort { input, .. }
        | Plan::Limit { input, .. }
        | Plan::Named { input, .. }
        | Plan::Window { input, .. } => unique_columns(input, arena),
        Plan::Project { input, exprs } => {
            let unique = unique_columns(input, arena)?;
            let is_passed =
                |id: &ColumnId| exprs.iter().any(|&(out, scalar)| out == *id && arena[scalar] == Scalar::Column(*id));
            unique.iter().all(is_passed).then_some(unique)
        }
        Plan::Unnest { .. }
        | Plan::Scan { .. }
        | Plan::Values { .. }
        | Plan::Empty { .. }
        | Plan::GroupingSets { .. }
        | Plan::Join { .. }
        | Plan::SetOp { .. }
        | Plan::Instance { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::WorkTable { .. }
        | Plan::Sample { .. }
        | Plan::ScanAt { .. }
        | Plan::Hole { .. } => None,
    }
}
