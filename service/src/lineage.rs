//! Where the columns and rows of every model come from, column by column down to the sources.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{Bound, BoundModel, BoundProject, Lineage, Model, Origins, lineage};

use crate::api::columns::{ColumnLineage, ModelLineage, Origin, ProjectLineage};
use crate::explain::{Page, Style};
use crate::optimize::{Answer, Ephemerals, Prepared, Request, prepare, sort};
use crate::report::{self, Texts};
use crate::schema::upstream_first;

/// Traces a project's models.
///
/// # Errors
///
/// The answer of a project that is refused.
pub fn run(request: &Request) -> Result<(ProjectLineage, Answer), Box<Answer>> {
    let Prepared { bound, upstream, mut diagnostics, .. } = prepare(request, Ephemerals::Models)?;
    let BoundProject { project, arena, models, order, .. } = bound;
    let told = Told::of(project.models.iter().chain(upstream.iter().map(|(model, _)| model)));
    let selected: Vec<(&Model, &BoundModel)> =
        order.iter().map(|&position| (&project.models[position], &models[position])).collect();
    let mut direct: BTreeMap<Arc<str>, Lineage> = BTreeMap::new();
    let mut whole: BTreeMap<Arc<str>, Lineage> = BTreeMap::new();
    for (model, bound) in upstream_first(&upstream, &selected) {
        let Bound::Plan(output) = &bound.bound else { continue };
        let own = lineage(output, &arena, &project.catalog);
        let through = own.through(&|key| whole.get(key));
        direct.insert(Arc::clone(&model.key), own);
        whole.insert(Arc::clone(&model.key), through);
    }
    let spelled = selected.iter().map(|(model, bound)| {
        let traced = direct.get(&model.key).zip(whole.get(&model.key));
        let names: Vec<&Arc<str>> = match &bound.bound {
            Bound::Plan(output) => output.columns.iter().map(|column| &column.name).collect(),
            Bound::Opaque => Vec::new(),
        };
        let columns = traced.map(|(own, through)| told.columns(&names, own, through)).unwrap_or_default();
        ModelLineage {
            name: model.name.as_ref().to_owned(),
            path: model.path.as_ref().to_owned(),
            state: if traced.is_some() { "bound" } else { "opaque" },
            reads: bound.reads.iter().map(|key| told.name(key)).collect(),
            columns,
            rows: traced.map(|(_, through)| told.wire(&through.rows)).unwrap_or_default(),
            direct_rows: traced.map(|(own, _)| told.wire(&own.rows)).unwrap_or_default(),
        }
    });
    let spelled = spelled.collect();
    sort(&mut diagnostics);
    let texts = Texts::new(&diagnostics, &project.models, &request.files);
    let traced = ProjectLineage {
        project: project.name.as_ref().to_owned(),
        models: spelled,
        diagnostics: report::wire(&diagnostics, &texts),
    };
    Ok((traced, Answer { diagnostics, texts, optimised: None }))
}

/// What relations are called: an ephemeral model by its name, any other by its key.
pub(crate) struct Told {
    folded: BTreeMap<Arc<str>, Arc<str>>,
}

impl Told {
    pub(crate) fn of<'a>(models: impl Iterator<Item = &'a Model>) -> Self {
        let folded = models.filter(|model| model.is_folded);
        Self { folded: folded.map(|model| (Arc::clone(&model.key), Arc::clone(&model.name))).collect() }
    }

    pub(crate) fn name(&self, key: &Arc<str>) -> String {
        self.folded.get(key).unwrap_or(key).as_ref().to_owned()
    }

    fn columns(&self, names: &[&Arc<str>], own: &Lineage, through: &Lineage) -> Vec<ColumnLineage> {
        let columns = names.iter().zip(&own.columns).zip(&through.columns);
        let columns = columns.map(|((name, (_, direct)), (_, from))| ColumnLineage {
            name: name.as_ref().to_owned(),
            from: self.wire(from),
            direct: self.wire(direct),
        });
        columns.collect()
    }

    fn wire(&self, origins: &Origins) -> Vec<Origin> {
        let wired = origins.iter().map(|origin| Origin {
            table: self.name(&origin.table),
            column: origin.column.as_ref().to_owned(),
            by: origin.by.word(),
        });
        wired.collect()
    }
}

/// Leaves only what depends on a column of a source or an opaque model, given as `table.column`: its impact.
pub fn impact(lineage: &mut ProjectLineage, column: &str) {
    let column = isomer_ir::fold(column);
    let is_it = |origin: &Origin| {
        let name = format!("{}.{}", origin.table, origin.column);
        name == *column || name.ends_with(&format!(".{column}"))
    };
    for model in &mut lineage.models {
        let narrow = |origins: &mut Vec<Origin>| origins.retain(is_it);
        narrow(&mut model.rows);
        narrow(&mut model.direct_rows);
        for column in &mut model.columns {
            narrow(&mut column.from);
            narrow(&mut column.direct);
        }
        model.columns.retain(|column| !column.from.is_empty() || !column.direct.is_empty());
    }
    let depends =
        |model: &ModelLineage| !model.columns.is_empty() || !model.rows.is_empty() || !model.direct_rows.is_empty();
    lineage.models.retain(depends);
}

/// The lineage for people: what each column comes from, followed to sources.
#[must_use]
pub fn render(lineage: &ProjectLineage, style: Style) -> String {
    let mut page = Page::new(style);
    page.title(&lineage.project);
    for model in &lineage.models {
        let state = if model.state == "opaque" { "opaque" } else { "reads" };
        page.entry(&model.name, &format!("{state} {}", model.reads.join(", ")));
        let width = model.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0).max(4);
        for column in &model.columns {
            let from = if column.from.is_empty() { "no column".to_owned() } else { words(&column.from) };
            page.field(&format!("{:<width$}", column.name), &from);
        }
        page.field(&format!("{:<width$}", "rows"), &words(&model.rows));
    }
    page.finish()
}

/// `value a, b; filter c`: the ways in order, each with its columns.
fn words(origins: &[Origin]) -> String {
    let ways = ["value", "filter", "join", "group", "order"].map(|way| {
        let of_way: Vec<String> = origins
            .iter()
            .filter(|origin| origin.by == way)
            .map(|origin| format!("{}.{}", origin.table, origin.column))
            .collect();
        if of_way.is_empty() { String::new() } else { format!("{way} {}", of_way.join(", ")) }
    });
    ways.into_iter().filter(|way| !way.is_empty()).collect::<Vec<_>>().join("; ")
}
