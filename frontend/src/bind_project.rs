//! Projects: models bound upstream first, each into the catalog for those that read it.

use std::sync::Arc;

use isomer_ir::{
    Arena, Bound, BoundModel, BoundProject, Column, ColumnId, Diagnostic, Dialect, Key, Model, ModelProject, Output,
    Plan, Scalar, Severity, Span, Table, fold,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::bind::{bind_parsed, reads_of};
use crate::bind_query::MAX_OPERATORS;
use crate::column_name::told_apart;
use crate::model_order::ordered;
use crate::parse::{ParsedText, SourceText, parse, with_deep_stack};

/// Most text, in bytes, whose syntax trees are kept while the models that it reads are bound. Trees are
/// far larger than texts; what is beyond is parsed again when its turn comes.
const MAX_KEPT_TEXT: usize = 256 << 10;

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

fn bind_models(project: ModelProject, arena: Arena) -> BoundProject {
    let n_models = project.models.len();
    let positions = project.models.iter().enumerate().map(|(position, model)| (Arc::clone(&model.key), position));
    let unbound = |_| BoundModel { bound: Bound::Opaque, reads: Vec::new(), comments: Vec::new(), rules: Vec::new() };
    let mut binding = Binding {
        positions: positions.collect(),
        models: (0..n_models).map(unbound).collect(),
        states: vec![State::Unread; n_models],
        upstream: vec![Vec::new(); n_models],
        opaque: FxHashSet::default(),
        folded_sizes: FxHashMap::default(),
        diagnostics: Vec::new(),
        project,
        arena,
    };
    let mut by_name: Vec<usize> = (0..n_models).collect();
    by_name.sort_by(|&a, &b| (&binding.project.models[a].name, a).cmp(&(&binding.project.models[b].name, b)));
    for position in by_name {
        binding.bind_with_upstream(position);
    }
    let (order, circles) = ordered(&binding.project, &binding.upstream);
    let Binding { project, arena, models, mut diagnostics, .. } = binding;
    diagnostics.extend(circles);
    diagnostics.sort_by(|a, b| (&a.source, a.span, a).cmp(&(&b.source, b.span, b)));
    BoundProject { project, arena, models, order, diagnostics }
}

/// How far a model has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unread,
    /// Its upstream models are being bound.
    Waiting,
    /// In a circle of models, or behind one.
    Circular,
    Done,
}

/// A model whose upstream models are being bound.
#[derive(Debug)]
struct Waiting {
    position: usize,
    /// How many of its upstream models were looked at.
    n_seen: usize,
    /// Its syntax tree, unless the trees of the models that wait for it fill the room.
    parsed: Option<ParsedText>,
    /// Bytes of the text whose tree is kept while others are bound.
    n_kept: usize,
}

/// A project while it is bound.
///
/// Each model is bound as soon as what it reads is, so that few syntax trees are in memory at a time:
/// with the trees of all, each model would take the longer the more models there are.
#[derive(Debug)]
struct Binding {
    project: ModelProject,
    arena: Arena,
    positions: FxHashMap<Arc<str>, usize>,
    models: Vec<BoundModel>,
    states: Vec<State>,
    /// The models that each model reads.
    upstream: Vec<Vec<usize>>,
    opaque: FxHashSet<Arc<str>>,
    /// Operators of the folded models, folded models in them counted.
    folded_sizes: FxHashMap<Arc<str>, usize>,
    diagnostics: Vec<Diagnostic>,
}

impl Binding {
    /// Binds a model after all that it reads, unless they are bound. Chains of models are long, so they
    /// are followed without recursion.
    fn bind_with_upstream(&mut self, position: usize) {
        if self.states[position] != State::Unread {
            return;
        }
        let mut n_kept = 0;
        let mut stack = vec![self.read(position)];
        while let Some(last) = stack.last_mut() {
            if let Some(&next) = self.upstream[last.position].get(last.n_seen) {
                last.n_seen += 1;
                if self.states[next] == State::Unread {
                    if last.parsed.is_some() && last.n_kept == 0 {
                        last.n_kept = self.project.models[last.position].sql.len();
                        n_kept += last.n_kept;
                    }
                    if n_kept > MAX_KEPT_TEXT {
                        last.parsed = None;
                        n_kept -= std::mem::take(&mut last.n_kept);
                    }
                    stack.push(self.read(next));
                }
                continue;
            }
            let Some(Waiting { position, parsed, n_kept: n_freed, .. }) = stack.pop() else { break };
            n_kept -= n_freed;
            let parsed = self.written_out(position).or(parsed);
            let is_done = |&read: &usize| self.states[read] == State::Done;
            self.states[position] = if self.upstream[position].iter().all(is_done) {
                self.bind(position, parsed);
                State::Done
            } else {
                self.become_opaque(position);
                State::Circular
            };
        }
    }

    /// Finds what a model reads.
    fn read(&mut self, position: usize) -> Waiting {
        self.states[position] = State::Waiting;
        let (reads, parsed) = self.read_text(position);
        self.upstream[position] = reads.iter().filter_map(|key| self.positions.get(key).copied()).collect();
        self.models[position].reads = reads;
        Waiting { position, n_seen: 0, parsed: Some(parsed), n_kept: 0 }
    }

    /// The keys that a model reads, sorted, and its syntax tree.
    fn read_text(&self, position: usize) -> (Vec<Arc<str>>, ParsedText) {
        let is_known = |key: &str| self.positions.contains_key(key) || self.project.catalog.get(key).is_some();
        let model = &self.project.models[position];
        let text = SourceText::new(&model.path, &model.sql);
        let parsed = parse(&text, model.dialect);
        let mut reads = reads_of(&parsed.0, &is_known);
        // What an unparsable text says of itself (a comment, an alias) makes no circle.
        if parsed.0.query.is_none() || model.is_opaque {
            reads.retain(|key| *key != model.key);
        }
        reads.extend(model.declared_reads.iter().filter(|key| model.is_opaque && is_known(key)).cloned());
        reads.sort_unstable();
        reads.dedup();
        (reads, parsed)
    }

    /// Puts the queries of folded models back into a text that reads one which is not understood by itself:
    /// it may be where it stands. What they read is bound, being upstream of them.
    fn written_out(&mut self, position: usize) -> Option<ParsedText> {
        let reads = &self.models[position].reads;
        let is_bound =
            |key: &Arc<str>| self.positions.get(key).is_some_and(|&at| matches!(self.models[at].bound, Bound::Plan(_)));
        let mut read = self.project.models[position].folded.iter().filter(|key| reads.contains(key));
        if read.all(is_bound) {
            return None;
        }
        let model = &mut self.project.models[position];
        (model.sql, model.folded) = (Arc::clone(&model.original), Vec::new());
        let (reads, parsed) = self.read_text(position);
        self.models[position].reads = reads;
        Some(parsed)
    }

    /// Binds a model whose upstream models are bound or opaque.
    fn bind(&mut self, position: usize, parsed: Option<ParsedText>) {
        let model = self.project.models[position].clone();
        if model.is_opaque {
            self.become_opaque(position);
            return;
        }
        if let Some(cause) = self.models[position].reads.iter().find(|key| self.opaque.contains(*key)) {
            let message = format!("reads `{cause}`, which is opaque, so its columns are not known");
            let note = Diagnostic::note("SQL-0017", &model.path, Span::new(0, model.sql.len()), message);
            self.diagnostics.push(note.with_help(format!("declare the columns of `{cause}`")));
            self.become_opaque(position);
            return;
        }
        let Self { project, arena, diagnostics, .. } = self;
        let is_known = |key: &str| project.catalog.get(key).is_some();
        let text = SourceText::new(&model.path, &model.sql);
        let parsed = parsed.unwrap_or_else(|| parse(&text, model.dialect));
        let is_query = parsed.0.query.is_some();
        let text = bind_parsed(&text, parsed, model.dialect, arena, &project.catalog, &is_known);
        self.models[position].comments = text.comments;
        self.models[position].rules = text.rules.into_iter().map(|(rule, times)| (Arc::from(rule), times)).collect();
        if text.diagnostics.iter().any(|told| told.code == "SQL-0018" && told.severity == Severity::Note) {
            // Where it fails depends on which row is looked at first.
            project.models[position].is_rewritable = false;
        }
        let untold = self.models[position].reads.iter().find(|key| has_no_columns(project, key));
        match untold.filter(|_| is_query && text.output.is_none()) {
            // What the text says of such a table cannot be judged.
            Some(key) => diagnostics.push(untold_columns(project, &model, key)),
            None => diagnostics.extend(text.diagnostics),
        }
        let mut guessed_names = text.guessed_names;
        match text.output.map(|output| distinct_names(output, &model, &mut guessed_names)) {
            Some(Ok((output, _))) if unfolded_size(&output.plan, &self.folded_sizes) > MAX_OPERATORS => {
                let message = format!(
                    "the plan has more than {MAX_OPERATORS} operators once ephemeral models are put where they are read"
                );
                diagnostics.push(Diagnostic::model("SQL-0004", &model.path, Span::new(0, model.sql.len()), message));
                self.become_opaque(position);
            }
            Some(Ok((output, note))) => {
                if model.is_folded {
                    let size = unfolded_size(&output.plan, &self.folded_sizes);
                    self.folded_sizes.insert(Arc::clone(&model.key), size);
                }
                diagnostics.extend(note);
                diagnostics.extend(guessed(project, position, &output, &guessed_names));
                project.catalog.insert(table_of(&model, &output, arena));
                self.models[position].bound = Bound::Plan(output);
            }
            Some(Err(fault)) => {
                diagnostics.push(fault);
                self.become_opaque(position);
            }
            None => self.become_opaque(position),
        }
    }

    fn become_opaque(&mut self, position: usize) {
        // A model whose columns are declared is read as the table that it makes.
        let key = &self.project.models[position].key;
        if self.project.catalog.get(key).is_none_or(|table| table.columns.is_empty()) {
            self.opaque.insert(Arc::clone(key));
        }
    }
}

/// Whether nobody tells the columns of a table.
fn has_no_columns(project: &ModelProject, key: &str) -> bool {
    project.catalog.get(key).is_some_and(|table| table.columns.is_empty())
}

fn untold_columns(project: &ModelProject, model: &Model, key: &str) -> Diagnostic {
    let message = format!("reads `{key}`, whose columns nobody tells");
    let help = match project.format {
        "dbt" => "run `dbt docs generate` for a `target/catalog.json`, or declare them in `isomer.yml`",
        _ => "declare them in `isomer.yml`, or name a database that has the table",
    };
    Diagnostic::note("SQL-0017", &model.path, Span::new(0, model.sql.len()), message).with_help(help)
}

/// The operators of a plan, folded models in the place of their names.
fn unfolded_size(plan: &Plan, folded: &FxHashMap<Arc<str>, usize>) -> usize {
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
