//! Expressions and relations being built: the messages with what the producer knows of them.

use isomer_ir::{ColumnId, DataType, Literal};
use rustc_hash::FxHashMap;
use substrait::proto::expression::field_reference::{ReferenceType, RootReference, RootType};
use substrait::proto::expression::reference_segment::{self, StructField};
use substrait::proto::expression::{Cast, FieldReference, ReferenceSegment, RexType, cast};
use substrait::proto::function_argument::ArgType;
use substrait::proto::rel::RelType;
use substrait::proto::rel_common::{Direct, Emit, EmitKind};
use substrait::proto::{Expression, FunctionArgument, ProjectRel, Rel, RelCommon};

use super::refusal;
use super::types::{literal_message, type_message};
use crate::CodegenError;

/// An expression and the type that the consumer gives it, always a physical one.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) expr: Expression,
    pub(super) data_type: DataType,
}

impl Typed {
    /// A constant.
    pub(super) fn literal(literal: &Literal) -> Result<Self, CodegenError> {
        let data_type = super::types::physical(literal.data_type())?;
        Ok(Self { expr: literal_message(literal)?, data_type })
    }

    /// A 32-bit constant.
    pub(super) fn int(value: i32) -> Result<Self, CodegenError> {
        Self::literal(&Literal::Int(i128::from(value), DataType::Int32))
    }

    /// The value in another type; the value itself where it has the type.
    pub(super) fn cast(self, to: DataType) -> Result<Self, CodegenError> {
        let to = super::types::physical(to)?;
        if self.data_type == to { Ok(self) } else { self.forced_cast(to, false) }
    }

    /// A cast that is written also where the type is known to be the same: the consumer's table
    /// may hold another unit or precision.
    pub(super) fn forced_cast(self, to: DataType, is_try: bool) -> Result<Self, CodegenError> {
        let failure = if is_try { cast::FailureBehavior::ReturnNull } else { cast::FailureBehavior::ThrowException };
        let cast = Cast {
            r#type: Some(type_message(to)?),
            input: Some(Box::new(self.expr)),
            failure_behavior: failure as i32,
        };
        Ok(Self { expr: Expression { rex_type: Some(RexType::Cast(Box::new(cast))) }, data_type: to })
    }
}

/// A reference to field `index` of the input.
pub(super) fn field(index: usize) -> Expression {
    let segment = StructField { field: position(index), child: None };
    let reference = FieldReference {
        reference_type: Some(ReferenceType::DirectReference(ReferenceSegment {
            reference_type: Some(reference_segment::ReferenceType::StructField(Box::new(segment))),
        })),
        root_type: Some(RootType::RootReference(RootReference {})),
    };
    Expression { rex_type: Some(RexType::Selection(Box::new(reference))) }
}

/// A function's argument.
pub(super) fn argument(expr: Expression) -> FunctionArgument {
    FunctionArgument { arg_type: Some(ArgType::Value(expr)) }
}

/// A field position as messages hold it.
pub(super) fn position(index: usize) -> i32 {
    i32::try_from(index).expect("a relation has fewer than 2^31 fields")
}

/// All fields come out, in order.
pub(super) fn direct() -> Option<RelCommon> {
    Some(RelCommon { emit_kind: Some(EmitKind::Direct(Direct {})), ..RelCommon::default() })
}

/// These fields come out.
pub(super) fn emit(fields: impl IntoIterator<Item = usize>) -> Option<RelCommon> {
    let output_mapping = fields.into_iter().map(position).collect();
    Some(RelCommon { emit_kind: Some(EmitKind::Emit(Emit { output_mapping })), ..RelCommon::default() })
}

/// Where each column of a row stands.
#[derive(Debug)]
pub(super) struct Row(FxHashMap<ColumnId, usize>);

impl Row {
    /// The row of these columns; a column that stands twice is read from its first place.
    pub(super) fn new(columns: &[Option<ColumnId>]) -> Self {
        let mut positions = FxHashMap::default();
        for (index, column) in columns.iter().enumerate() {
            if let Some(column) = column {
                positions.entry(*column).or_insert(index);
            }
        }
        Self(positions)
    }

    /// The position of a column.
    pub(super) fn position(&self, column: ColumnId) -> Result<usize, CodegenError> {
        self.0.get(&column).copied().ok_or_else(|| {
            refusal(
                "GEN-0103",
                "an operator that reads a column its input does not expose",
                "report this plan as a bug",
            )
        })
    }
}

/// A relation and the column of each of its fields. A field without a column is read by nobody: it
/// only keeps the relation from having no field at all.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) rel: Rel,
    pub(super) columns: Vec<Option<ColumnId>>,
}

impl Relation {
    pub(super) fn new(rel_type: RelType, columns: Vec<Option<ColumnId>>) -> Self {
        Self { rel: Rel { rel_type: Some(rel_type) }, columns }
    }

    pub(super) fn row(&self) -> Row {
        Row::new(&self.columns)
    }

    /// The relation with one more field for each expression.
    pub(super) fn extended(self, exprs: Vec<Expression>, columns: &[Option<ColumnId>]) -> Self {
        if exprs.is_empty() {
            return self;
        }
        let mut fields = self.columns;
        fields.extend_from_slice(columns);
        let project = ProjectRel {
            common: direct(),
            input: Some(Box::new(self.rel)),
            expressions: exprs,
            ..ProjectRel::default()
        };
        Self::new(RelType::Project(Box::new(project)), fields)
    }

    /// The relation with exactly these fields: each an existing position or a new expression.
    pub(super) fn projected(self, fields: Vec<Field>, columns: Vec<Option<ColumnId>>) -> Self {
        let width = self.columns.len();
        let mut expressions = Vec::new();
        let mut mapping = Vec::with_capacity(fields.len());
        for field in fields {
            match field {
                Field::Input(index) => mapping.push(index),
                Field::Computed(expr) => {
                    mapping.push(width + expressions.len());
                    expressions.push(expr);
                }
            }
        }
        let project =
            ProjectRel { common: emit(mapping), input: Some(Box::new(self.rel)), expressions, ..ProjectRel::default() };
        Self::new(RelType::Project(Box::new(project)), columns)
    }

    /// The relation with exactly these columns in this order.
    pub(super) fn narrowed(self, columns: &[ColumnId]) -> Result<Self, CodegenError> {
        if self.columns.len() == columns.len()
            && self.columns.iter().zip(columns).all(|(have, want)| *have == Some(*want))
        {
            return Ok(self);
        }
        let row = self.row();
        let fields = columns.iter().map(|column| Ok(Field::Input(row.position(*column)?))).collect::<Result<_, _>>()?;
        Ok(self.projected(fields, columns.iter().map(|column| Some(*column)).collect()))
    }
}

/// A field of a projection.
#[derive(Debug)]
pub(super) enum Field {
    /// A field of the input.
    Input(usize),
    /// A new value.
    Computed(Expression),
}
