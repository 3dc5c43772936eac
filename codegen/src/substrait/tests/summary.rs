//! A plan as a few lines of text, for golden cases.

use std::fmt::Write as _;

use prost::Message;
use substrait::proto::expression::RexType;
use substrait::proto::expression::field_reference::ReferenceType;
use substrait::proto::expression::literal::LiteralType;
use substrait::proto::expression::reference_segment;
use substrait::proto::extensions::simple_extension_declaration::MappingType;
use substrait::proto::function_argument::ArgType;
use substrait::proto::read_rel::ReadType;
use substrait::proto::rel::RelType;
use substrait::proto::rel_common::EmitKind;
use substrait::proto::sort_field::{SortDirection, SortKind};
use substrait::proto::{Expression, FunctionArgument, Rel, RelCommon, plan_rel};

/// A plan in a few lines: extensions, then one operator a line.
pub(super) fn summary(bytes: &[u8]) -> String {
    let plan = substrait::proto::Plan::decode(bytes).unwrap();
    let mut printer = Printer::default();
    for urn in &plan.extension_urns {
        writeln!(printer.out, "{} {}", urn.extension_urn_anchor, urn.urn).unwrap();
    }
    for extension in &plan.extensions {
        let Some(MappingType::ExtensionFunction(function)) = &extension.mapping_type else { continue };
        let reference = function.extension_urn_reference;
        writeln!(printer.out, "#{} {} of {reference}", function.function_anchor, function.name).unwrap();
        printer.functions.push((function.function_anchor, function.name.split(':').next().unwrap().to_owned()));
    }
    if let Some(plan_rel::RelType::Root(root)) = &plan.relations[0].rel_type {
        writeln!(printer.out, "root [{}]", root.names.join(", ")).unwrap();
        printer.rel(root.input.as_ref().unwrap(), 0);
    }
    printer.out
}

#[derive(Default)]
struct Printer {
    out: String,
    functions: Vec<(u32, String)>,
}

impl Printer {
    fn rel(&mut self, rel: &Rel, depth: usize) {
        let (text, common, inputs): (String, Option<&RelCommon>, Vec<&Rel>) = match rel.rel_type.as_ref().unwrap() {
            RelType::Read(read) => {
                let names = read.base_schema.as_ref().unwrap().names.join(", ");
                let table = match read.read_type.as_ref().unwrap() {
                    ReadType::NamedTable(table) => table.names.join("."),
                    other => format!("{other:?}"),
                };
                (format!("read {table} [{names}]"), read.common.as_ref(), vec![])
            }
            RelType::Filter(filter) => {
                let condition = self.expr(filter.condition.as_ref().unwrap());
                (format!("filter {condition}"), filter.common.as_ref(), vec![filter.input.as_ref().unwrap()])
            }
            RelType::Project(project) => {
                let exprs = self.exprs(&project.expressions);
                (format!("project {exprs}"), project.common.as_ref(), vec![project.input.as_ref().unwrap()])
            }
            RelType::Aggregate(aggregate) => {
                let groups: Vec<_> = aggregate.groupings.iter().map(|group| &group.expression_references).collect();
                let by = self.exprs(&aggregate.grouping_expressions);
                let measures: Vec<String> = aggregate
                    .measures
                    .iter()
                    .map(|measure| {
                        let call = measure.measure.as_ref().unwrap();
                        let mut text = self.call(call.function_reference, &call.arguments);
                        for sort in &call.sorts {
                            write!(text, " by {}", self.expr(sort.expr.as_ref().unwrap())).unwrap();
                            if let Some(SortKind::Direction(direction)) = sort.sort_kind {
                                write!(text, " {}", SortDirection::try_from(direction).unwrap().as_str_name()).unwrap();
                            }
                        }
                        if let Some(filter) = &measure.filter {
                            write!(text, " where {}", self.expr(filter)).unwrap();
                        }
                        text
                    })
                    .collect();
                let text = format!(
                    "aggregate {} by {by}: {}",
                    format!("{groups:?}").trim_matches(['[', ']']),
                    measures.join(", ")
                );
                let text = text.replacen("aggregate ", "aggregate [", 1).replacen(" by ", "] by ", 1);
                (text, aggregate.common.as_ref(), vec![aggregate.input.as_ref().unwrap()])
            }
            RelType::Join(join) => {
                let name = join.r#type().as_str_name().trim_start_matches("JOIN_TYPE_").to_lowercase();
                let on = self.expr(join.expression.as_ref().unwrap());
                let inputs = vec![join.left.as_deref().unwrap(), join.right.as_deref().unwrap()];
                (format!("join {name} {on}"), join.common.as_ref(), inputs)
            }
            other => (format!("{other:?}"), None, vec![]),
        };
        let emit = match common.and_then(|common| common.emit_kind.as_ref()) {
            Some(EmitKind::Emit(emit)) => format!(" emit {:?}", emit.output_mapping),
            _ => String::new(),
        };
        let line = format!("{text}{emit}").replace("  ", " ");
        writeln!(self.out, "{}{line}", "  ".repeat(depth)).unwrap();
        for input in inputs {
            self.rel(input, depth + 1);
        }
    }

    fn exprs(&self, exprs: &[Expression]) -> String {
        exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(", ")
    }

    fn call(&self, anchor: u32, arguments: &[FunctionArgument]) -> String {
        let name = self.functions.iter().find(|(have, _)| *have == anchor).map_or("?", |(_, name)| name.as_str());
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| match argument.arg_type.as_ref().unwrap() {
                ArgType::Value(value) => self.expr(value),
                other => format!("{other:?}"),
            })
            .collect();
        format!("{name}({})", arguments.join(", "))
    }

    fn expr(&self, expr: &Expression) -> String {
        match expr.rex_type.as_ref().unwrap() {
            RexType::Selection(reference) => match reference.reference_type.as_ref().unwrap() {
                ReferenceType::DirectReference(segment) => match segment.reference_type.as_ref().unwrap() {
                    reference_segment::ReferenceType::StructField(field) => format!("${}", field.field),
                    reference_segment::ReferenceType::MapKey(_) | reference_segment::ReferenceType::ListElement(_) => {
                        format!("{segment:?}")
                    }
                },
                other @ ReferenceType::MaskedReference(_) => format!("{other:?}"),
            },
            RexType::Literal(literal) => match literal.literal_type.as_ref().unwrap() {
                LiteralType::I32(value) => value.to_string(),
                LiteralType::I64(value) => value.to_string(),
                other => format!("{other:?}"),
            },
            RexType::Cast(cast) => format!("cast({})", self.expr(cast.input.as_ref().unwrap())),
            RexType::ScalarFunction(call) => self.call(call.function_reference, &call.arguments),
            RexType::WindowFunction(call) => {
                format!(
                    "{} over ({})",
                    self.call(call.function_reference, &call.arguments),
                    self.exprs(&call.partitions)
                )
            }
            other => format!("{other:?}"),
        }
    }
}
