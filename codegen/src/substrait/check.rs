//! A checker of Substrait plans: what a reader may rely on, checked without an engine.

use std::collections::BTreeSet;

use prost::Message;
use substrait::proto::expression::RexType;
use substrait::proto::expression::field_reference::ReferenceType;
use substrait::proto::expression::reference_segment;
use substrait::proto::extensions::simple_extension_declaration::MappingType;
use substrait::proto::function_argument::ArgType;
use substrait::proto::join_rel::JoinType;
use substrait::proto::read_rel::ReadType;
use substrait::proto::rel::RelType;
use substrait::proto::rel_common::EmitKind;
use substrait::proto::{
    AggregateRel, AggregationPhase, Expression, FetchRel, FunctionArgument, JoinRel, Plan, ReadRel, Rel, RelCommon,
    SortField, Type, fetch_rel, plan_rel,
};

/// The faults of a Substrait plan, in the order in which they are met; none for a sound plan.
///
/// Checked are: one root; as many names as fields; every function declared under a declared URN,
/// by a compound name and an anchor of at least 1; field references and emitted fields within the
/// width of their input; types and phases present; only operators that this crate writes.
/// Not checked are the types themselves.
#[must_use]
pub fn check_substrait(bytes: &[u8]) -> Vec<String> {
    let plan = match Plan::decode(bytes) {
        Ok(plan) => plan,
        Err(error) => return vec![format!("not a plan: {error}")],
    };
    let mut checker = Checker::default();
    checker.declarations(&plan);
    match plan.relations.as_slice() {
        [relation] => match &relation.rel_type {
            Some(plan_rel::RelType::Root(root)) => {
                let width = root.input.as_ref().map_or(0, |rel| checker.relation(rel));
                if root.names.len() != width {
                    checker.fault(format!("{} names for {width} fields", root.names.len()));
                }
            }
            Some(plan_rel::RelType::Rel(_)) | None => checker.fault("the relation is no root".to_owned()),
        },
        relations => checker.fault(format!("{} roots", relations.len())),
    }
    checker.faults
}

#[derive(Debug, Default)]
struct Checker {
    functions: BTreeSet<u32>,
    faults: Vec<String>,
}

impl Checker {
    fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    fn declarations(&mut self, plan: &Plan) {
        let mut urns = BTreeSet::new();
        for urn in &plan.extension_urns {
            if urn.extension_urn_anchor == 0 || !urns.insert(urn.extension_urn_anchor) {
                self.fault(format!("anchor {} of `{}` is zero or taken", urn.extension_urn_anchor, urn.urn));
            }
            if !urn.urn.starts_with("extension:") {
                self.fault(format!("`{}` is no extension URN", urn.urn));
            }
        }
        for extension in &plan.extensions {
            let Some(MappingType::ExtensionFunction(function)) = &extension.mapping_type else {
                self.fault("an extension that is no function".to_owned());
                continue;
            };
            if !urns.contains(&function.extension_urn_reference) {
                self.fault(format!("`{}` is of no declared URN", function.name));
            }
            if !function.name.contains(':') {
                self.fault(format!("`{}` is no compound name", function.name));
            }
            if function.function_anchor == 0 || !self.functions.insert(function.function_anchor) {
                self.fault(format!("anchor {} of `{}` is zero or taken", function.function_anchor, function.name));
            }
        }
    }

    /// Checks a relation; gives the number of its fields.
    fn relation(&mut self, rel: &Rel) -> usize {
        let (width, common) = match &rel.rel_type {
            Some(RelType::Read(read)) => (self.read(read), &read.common),
            Some(RelType::Filter(filter)) => {
                let width = self.input(filter.input.as_deref());
                self.required(filter.condition.as_deref(), width, "a filter's condition");
                (width, &filter.common)
            }
            Some(RelType::Project(project)) => {
                let width = self.input(project.input.as_deref());
                for expr in &project.expressions {
                    self.expression(expr, width);
                }
                (width + project.expressions.len(), &project.common)
            }
            Some(RelType::Fetch(fetch)) => (self.fetch(fetch), &fetch.common),
            Some(RelType::Sort(sort)) => {
                let width = self.input(sort.input.as_deref());
                self.sorts(&sort.sorts, width);
                (width, &sort.common)
            }
            Some(RelType::Aggregate(aggregate)) => (self.aggregate(aggregate), &aggregate.common),
            Some(RelType::Join(join)) => (self.join(join), &join.common),
            Some(RelType::Cross(cross)) => {
                (self.input(cross.left.as_deref()) + self.input(cross.right.as_deref()), &cross.common)
            }
            Some(RelType::Set(set)) => {
                let widths: Vec<usize> = set.inputs.iter().map(|input| self.relation(input)).collect();
                if widths.len() < 2 || widths.windows(2).any(|pair| pair[0] != pair[1]) {
                    self.fault(format!("a set operation over inputs of {widths:?} fields"));
                }
                (widths.first().copied().unwrap_or(0), &set.common)
            }
            Some(_) | None => {
                self.fault("an operator that is not written by this crate".to_owned());
                return 0;
            }
        };
        self.emitted(common.as_ref(), width)
    }

    fn emitted(&mut self, common: Option<&RelCommon>, width: usize) -> usize {
        match common.and_then(|common| common.emit_kind.as_ref()) {
            Some(EmitKind::Emit(emit)) => {
                for field in &emit.output_mapping {
                    if usize::try_from(*field).is_ok_and(|field| field < width) {
                        continue;
                    }
                    self.fault(format!("field {field} is emitted of {width}"));
                }
                emit.output_mapping.len()
            }
            Some(EmitKind::Direct(_)) => width,
            None => {
                self.fault("an operator that does not say what it emits".to_owned());
                width
            }
        }
    }

    fn input(&mut self, rel: Option<&Rel>) -> usize {
        match rel {
            Some(rel) => self.relation(rel),
            None => {
                self.fault("an operator without its input".to_owned());
                0
            }
        }
    }

    fn read(&mut self, read: &ReadRel) -> usize {
        let Some(schema) = &read.base_schema else {
            self.fault("a read without a schema".to_owned());
            return 0;
        };
        let types = schema.r#struct.as_ref().map_or(&[][..], |fields| &fields.types);
        if types.len() != schema.names.len() {
            self.fault(format!("{} names for {} fields of a table", schema.names.len(), types.len()));
        }
        for data_type in types {
            self.data_type(Some(data_type), "a column");
        }
        match &read.read_type {
            Some(ReadType::NamedTable(table)) if !table.names.is_empty() => {}
            Some(ReadType::VirtualTable(table)) => {
                for row in &table.expressions {
                    if row.fields.len() != types.len() {
                        self.fault(format!("a row of {} values for {} fields", row.fields.len(), types.len()));
                    }
                    for value in &row.fields {
                        self.expression(value, 0);
                    }
                }
            }
            Some(_) | None => self.fault("a read of something else than a named table or rows".to_owned()),
        }
        types.len()
    }

    fn fetch(&mut self, fetch: &FetchRel) -> usize {
        let width = self.input(fetch.input.as_deref());
        match &fetch.offset_mode {
            Some(fetch_rel::OffsetMode::OffsetExpr(offset)) => self.expression(offset, 0),
            Some(_) => self.fault("a fetch with the old form of an offset".to_owned()),
            None => {}
        }
        match &fetch.count_mode {
            Some(fetch_rel::CountMode::CountExpr(count)) => self.expression(count, 0),
            Some(_) => self.fault("a fetch with the old form of a count".to_owned()),
            None => {}
        }
        width
    }

    fn aggregate(&mut self, aggregate: &AggregateRel) -> usize {
        let width = self.input(aggregate.input.as_deref());
        for expr in &aggregate.grouping_expressions {
            self.expression(expr, width);
        }
        let n_keys = aggregate.grouping_expressions.len();
        for reference in aggregate.groupings.iter().flat_map(|grouping| &grouping.expression_references) {
            if !usize::try_from(*reference).is_ok_and(|reference| reference < n_keys) {
                self.fault(format!("a grouping by expression {reference} of {n_keys}"));
            }
        }
        for measure in &aggregate.measures {
            if let Some(filter) = &measure.filter {
                self.expression(filter, width);
            }
            let Some(function) = &measure.measure else {
                self.fault("a measure without a function".to_owned());
                continue;
            };
            self.function(function.function_reference, &function.arguments, function.output_type.as_ref(), width);
            self.phase(function.phase);
            self.sorts(&function.sorts, width);
        }
        n_keys + aggregate.measures.len()
    }

    fn join(&mut self, join: &JoinRel) -> usize {
        let left = self.input(join.left.as_deref());
        let right = self.input(join.right.as_deref());
        self.required(join.expression.as_deref(), left + right, "a join's condition");
        match JoinType::try_from(join.r#type) {
            Ok(JoinType::Inner | JoinType::Left | JoinType::Outer) => left + right,
            Ok(JoinType::LeftSemi | JoinType::LeftAnti) => left,
            Ok(JoinType::LeftMark) => left + 1,
            Ok(_) | Err(_) => {
                self.fault(format!("a join of type {}", join.r#type));
                left + right
            }
        }
    }

    fn sorts(&mut self, sorts: &[SortField], width: usize) {
        for sort in sorts {
            self.required(sort.expr.as_ref(), width, "a sort key");
            if sort.sort_kind.is_none() {
                self.fault("a sort key without a direction".to_owned());
            }
        }
    }

    fn phase(&mut self, phase: i32) {
        if phase != AggregationPhase::InitialToResult as i32 {
            self.fault(format!("an aggregate of phase {phase}"));
        }
    }

    fn data_type(&mut self, data_type: Option<&Type>, of: &str) {
        if data_type.is_none_or(|data_type| data_type.kind.is_none()) {
            self.fault(format!("no type of {of}"));
        }
    }

    fn required(&mut self, expr: Option<&Expression>, width: usize, what: &str) {
        match expr {
            Some(expr) => self.expression(expr, width),
            None => self.fault(format!("{what} is missing")),
        }
    }

    fn function(&mut self, anchor: u32, arguments: &[FunctionArgument], output: Option<&Type>, width: usize) {
        if !self.functions.contains(&anchor) {
            self.fault(format!("function {anchor} is not declared"));
        }
        self.data_type(output, "a function's result");
        for argument in arguments {
            match &argument.arg_type {
                Some(ArgType::Value(value)) => self.expression(value, width),
                Some(_) | None => self.fault("an argument that is no value".to_owned()),
            }
        }
    }

    fn expression(&mut self, expr: &Expression, width: usize) {
        match &expr.rex_type {
            Some(RexType::Literal(literal)) => {
                if literal.literal_type.is_none() {
                    self.fault("a constant without a value".to_owned());
                }
            }
            Some(RexType::Selection(reference)) => {
                let field = match &reference.reference_type {
                    Some(ReferenceType::DirectReference(segment)) => match &segment.reference_type {
                        Some(reference_segment::ReferenceType::StructField(field)) => usize::try_from(field.field).ok(),
                        Some(_) | None => None,
                    },
                    Some(_) | None => None,
                };
                if field.is_none_or(|field| field >= width) {
                    self.fault(format!("a reference to field {field:?} of {width}"));
                }
            }
            Some(RexType::ScalarFunction(call)) => {
                self.function(call.function_reference, &call.arguments, call.output_type.as_ref(), width);
            }
            Some(RexType::WindowFunction(call)) => {
                self.function(call.function_reference, &call.arguments, call.output_type.as_ref(), width);
                self.phase(call.phase);
                self.sorts(&call.sorts, width);
                for key in &call.partitions {
                    self.expression(key, width);
                }
            }
            Some(RexType::IfThen(case)) => {
                for branch in &case.ifs {
                    self.required(branch.r#if.as_ref(), width, "a condition");
                    self.required(branch.then.as_ref(), width, "a value of a branch");
                }
                self.required(case.r#else.as_deref(), width, "the value of no branch");
            }
            Some(RexType::Cast(cast)) => {
                self.data_type(cast.r#type.as_ref(), "a cast");
                self.required(cast.input.as_deref(), width, "what is cast");
            }
            Some(RexType::SingularOrList(list)) => {
                self.required(list.value.as_deref(), width, "what is looked for");
                for option in &list.options {
                    self.expression(option, width);
                }
            }
            Some(_) | None => self.fault("an expression that is not written by this crate".to_owned()),
        }
    }
}
