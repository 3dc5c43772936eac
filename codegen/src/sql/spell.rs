//! Scalars to expressions: columns through the block's environment, operators with the parentheses
//! they need. Functions, literals, patterns, times and aggregates have files of their own.

use std::borrow::Cow;

use super::target::Target;
use isomer_ir::{Arena, ColumnId, DataType, Function, Literal, Scalar, ScalarId, is_widening};
use rustc_hash::FxHashMap;

use super::block::Env;
use super::expr::{ExprId, Exprs, Level, Node};
use super::types::written;
use crate::CodegenError;

/// Most nodes of one expression, written as a tree. Shared operands can make a tree that no text holds.
const MAX_SIZE: u64 = 8_000_000;

/// Spells scalars for one dialect.
#[derive(Debug)]
pub(super) struct Speller<'a> {
    pub(super) arena: &'a Arena,
    pub(super) dialect: Target,
    pub(super) exprs: Exprs,
}

/// A conjunct, or two that one `BETWEEN` says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Conjunct {
    One(ScalarId),
    Between { arg: ScalarId, low: ScalarId, high: ScalarId },
}

/// What a column of the input is.
pub(super) type Spelled = FxHashMap<ScalarId, ExprId>;

impl<'a> Speller<'a> {
    pub(super) fn new(arena: &'a Arena, dialect: Target) -> Self {
        Self { arena, dialect, exprs: Exprs::default() }
    }

    /// A refusal.
    pub(super) fn refuse(
        &self,
        code: &'static str,
        construct: impl Into<String>,
        help: impl Into<String>,
    ) -> CodegenError {
        CodegenError::new(code, construct, self.dialect.dialect(), help)
    }

    /// The error for a plan that reads a column which its input does not give.
    pub(super) fn lost_column(&self, id: ColumnId) -> CodegenError {
        let construct = format!("a plan that reads `{}`, which its input does not give,", self.arena.hint(id));
        self.refuse("GEN-0001", construct, "this is a fault of Isomer; please report it")
    }

    /// The error for a plan whose scalar does not fit its place.
    pub(super) fn lost_scalar(&self) -> CodegenError {
        self.refuse("GEN-0001", "a plan whose condition reads no column", "this is a fault of Isomer; please report it")
    }

    /// What a visible column stands for.
    pub(super) fn look_up(&self, env: &Env, id: ColumnId) -> Result<ExprId, CodegenError> {
        env.get(&id).copied().ok_or_else(|| self.lost_column(id))
    }

    /// Spells a scalar as an output column: the type must come out as the plan says.
    pub(super) fn output(&mut self, env: &Env, scalar: ScalarId) -> Result<ExprId, CodegenError> {
        let expr = self.scalar(env, scalar)?;
        match &self.arena[scalar] {
            Scalar::Literal(Literal::Int(value, data_type)) if is_wider(*data_type, self.natural_integer(*value)) => {
                self.cast_to(expr, *data_type)
            }
            // An engine gives a CASE of bare integers their type, not the one that the model has.
            Scalar::Case { branches, otherwise, data_type } => {
                let is_narrow = branches.iter().map(|(_, then)| then).chain([otherwise]).all(|&result| {
                    matches!(self.arena[result], Scalar::Literal(Literal::Int(value, _)) if is_wider(*data_type, self.natural_integer(value)))
                });
                if is_narrow { self.cast_to(expr, *data_type) } else { Ok(expr) }
            }
            _ => Ok(expr),
        }
    }

    /// Spells a scalar, operands first. Iterative: depth of nesting costs heap, not stack.
    pub(super) fn scalar(&mut self, env: &Env, root: ScalarId) -> Result<ExprId, CodegenError> {
        let mut done = Spelled::default();
        let mut stack = vec![(root, false)];
        let arena = self.arena;
        while let Some((scalar, is_expanded)) = stack.pop() {
            if done.contains_key(&scalar) {
                continue;
            }
            if !is_expanded {
                stack.push((scalar, true));
                stack.extend(arena.operands(scalar).into_iter().rev().map(|operand| (operand, false)));
                continue;
            }
            let expr = self.one(env, scalar, &done)?;
            done.insert(scalar, expr);
        }
        let expr = done.get(&root).copied().ok_or_else(|| self.lost_scalar())?;
        if self.exprs.facts(expr).size > MAX_SIZE {
            return Err(self.refuse("GEN-0007", "an expression of several million operators", "split the model"));
        }
        Ok(expr)
    }

    /// Spells a scalar whose operands are spelled.
    fn one(&mut self, env: &Env, scalar: ScalarId, done: &Spelled) -> Result<ExprId, CodegenError> {
        let arena = self.arena;
        let of = |operand: ScalarId| done[&operand];
        match &arena[scalar] {
            Scalar::Column(id) => self.look_up(env, *id),
            Scalar::Literal(literal) => self.literal(literal),
            Scalar::Call { function, args, data_type } => self.call(*function, args, *data_type, done),
            Scalar::Case { branches, otherwise, .. } => {
                let is_omitted = matches!(&arena[*otherwise], Scalar::Literal(Literal::Null(_)));
                let branches = branches.iter().map(|&(when, then)| (of(when), of(then))).collect();
                Ok(self.exprs.add(Node::Case { branches, otherwise: (!is_omitted).then(|| of(*otherwise)) }))
            }
            Scalar::Cast { arg, to, is_try } => self.cast(*arg, done, *to, *is_try),
            Scalar::InList { list, .. } if list.is_empty() => Ok(self.exprs.text("FALSE", Level::Primary)),
            Scalar::InList { arg, list } => {
                let list = list.iter().map(|&entry| of(entry)).collect();
                Ok(self.exprs.add(Node::InList { arg: of(*arg), list, is_negated: false }))
            }
            Scalar::Outer(id) => {
                let construct = format!("a correlated column `{}`", arena.hint(*id));
                Err(self.refuse("GEN-0008", construct, "this is a fault of Isomer; please report it"))
            }
            Scalar::Hole(_) => {
                Err(self.refuse("GEN-0003", "a hole of a rule template", "only bound models are written"))
            }
        }
    }

    /// Pairs `x >= low` and `x <= high` of constants into ranges, in the place of the first.
    pub(super) fn ranges(&self, conjuncts: &[ScalarId]) -> Vec<Conjunct> {
        let bound = |scalar: ScalarId, function: Function| match &self.arena[scalar] {
            Scalar::Call { function: found, args, .. } if *found == function => match args.as_slice() {
                [arg, bound] if matches!(self.arena[*bound], Scalar::Literal(_)) => Some((*arg, *bound)),
                _ => None,
            },
            _ => None,
        };
        let mut uppers: FxHashMap<ScalarId, (usize, ScalarId)> = FxHashMap::default();
        let mut lowers: FxHashMap<ScalarId, usize> = FxHashMap::default();
        for (i, &conjunct) in conjuncts.iter().enumerate() {
            if let Some((arg, high)) = bound(conjunct, Function::LtEq) {
                uppers.entry(arg).or_insert((i, high));
            }
            if let Some((arg, _)) = bound(conjunct, Function::GtEq) {
                lowers.entry(arg).or_insert(i);
            }
        }
        let mut ranges = Vec::with_capacity(conjuncts.len());
        for (i, &conjunct) in conjuncts.iter().enumerate() {
            if let Some((arg, low)) = bound(conjunct, Function::GtEq)
                && lowers.get(&arg) == Some(&i)
                && let Some(&(_, high)) = uppers.get(&arg)
            {
                ranges.push(Conjunct::Between { arg, low, high });
            } else if let Some((arg, _)) = bound(conjunct, Function::LtEq)
                && uppers.get(&arg).is_some_and(|(first, _)| *first == i)
                && lowers.contains_key(&arg)
            {
                // Said by the range.
            } else {
                ranges.push(Conjunct::One(conjunct));
            }
        }
        ranges
    }

    /// Spells one conjunct or range.
    pub(super) fn conjunct(&mut self, env: &Env, conjunct: Conjunct) -> Result<ExprId, CodegenError> {
        match conjunct {
            Conjunct::One(scalar) => self.scalar(env, scalar),
            Conjunct::Between { arg, low, high } => {
                let low = self.compared(env, arg, low)?;
                let high = self.compared(env, arg, high)?;
                let arg = self.scalar(env, arg)?;
                Ok(self.between(arg, low, high))
            }
        }
    }

    fn compared(&mut self, env: &Env, arg: ScalarId, bound: ScalarId) -> Result<ExprId, CodegenError> {
        match self.bare_number(bound, self.arena.type_of(arg)) {
            Some(expr) if !matches!(self.arena[arg], Scalar::Literal(_)) => Ok(expr),
            _ => self.scalar(env, bound),
        }
    }

    fn between(&mut self, arg: ExprId, low: ExprId, high: ExprId) -> ExprId {
        use super::expr::{Kind, Piece};
        let pieces = vec![
            Piece::Expr(arg, Level::Concat),
            Piece::Text(Cow::Borrowed(" BETWEEN ")),
            Piece::Expr(low, Level::Concat),
            Piece::Text(Cow::Borrowed(" AND ")),
            Piece::Expr(high, Level::Concat),
        ];
        self.exprs.add(Node::Pieces { level: Level::Compare, pieces, kind: Kind::Plain })
    }

    /// `a AND b AND …`, with ranges, or `a OR b OR …`.
    pub(super) fn junction(&mut self, is_and: bool, args: &[ScalarId], done: &Spelled) -> ExprId {
        let mut operands = Vec::with_capacity(args.len());
        if is_and {
            for range in self.ranges(args) {
                operands.push(match range {
                    Conjunct::One(scalar) => done[&scalar],
                    Conjunct::Between { arg, low, high } => {
                        let bare = |this: &mut Self, bound: ScalarId| {
                            let is_constant = matches!(this.arena[arg], Scalar::Literal(_));
                            let number = this.bare_number(bound, this.arena.type_of(arg)).filter(|_| !is_constant);
                            number.unwrap_or(done[&bound])
                        };
                        let (low, high) = (bare(self, low), bare(self, high));
                        self.between(done[&arg], low, high)
                    }
                });
            }
        } else {
            for arg in args {
                let is_open = matches!(
                    &self.arena[*arg],
                    Scalar::Call { function: Function::IsDistinct | Function::IsNotDistinct, .. }
                );
                // Some parsers read all that follows as the right side.
                operands.push(if is_open && self.exprs.level(done[arg]) == Level::Compare {
                    self.exprs.template(Level::Primary, "(#)", &[done[arg]])
                } else {
                    done[arg]
                });
            }
        }
        match operands.as_slice() {
            [one] => *one,
            _ => self.exprs.add(Node::Junction { is_and, operands }),
        }
    }

    /// `NOT arg`, spelled inside the operator where it has a negative form.
    pub(super) fn not(&mut self, arg: ScalarId, done: &Spelled) -> Result<ExprId, CodegenError> {
        let arena = self.arena;
        match &arena[arg] {
            Scalar::InList { arg, list } if !list.is_empty() => {
                let list = list.iter().map(|entry| done[entry]).collect();
                return Ok(self.exprs.add(Node::InList { arg: done[arg], list, is_negated: true }));
            }
            Scalar::Call { function, args, .. } => match (function, args.as_slice()) {
                (Function::IsNull, [operand]) => return Ok(self.suffixed(done[operand], " IS NOT NULL")),
                (Function::IsTrue, [operand]) => return Ok(self.suffixed(done[operand], " IS NOT TRUE")),
                (Function::IsFalse, [operand]) => return Ok(self.suffixed(done[operand], " IS NOT FALSE")),
                (Function::Like, _) => return self.like(args, done, "NOT LIKE"),
                (Function::ILike, _) => return self.like(args, done, "NOT ILIKE"),
                _ => {}
            },
            _ => {}
        }
        let operand = done[&arg];
        if let Node::Subquery { kind, query } = self.exprs[operand].clone() {
            use super::expr::SubqueryKind;
            if let SubqueryKind::Exists { is_negated: false } = kind {
                return Ok(self.exprs.add(Node::Subquery { kind: SubqueryKind::Exists { is_negated: true }, query }));
            }
        }
        Ok(self.exprs.template(Level::Not, "NOT @", &[operand]))
    }

    /// `operand IS …`.
    pub(super) fn suffixed(&mut self, operand: ExprId, suffix: &'static str) -> ExprId {
        use super::expr::{Kind, Piece};
        let pieces = vec![Piece::Expr(operand, Level::Concat), Piece::Text(Cow::Borrowed(suffix))];
        self.exprs.add(Node::Pieces { level: Level::Compare, pieces, kind: Kind::Plain })
    }

    /// `CAST(expr AS data_type)`.
    pub(super) fn cast_to(&mut self, expr: ExprId, data_type: DataType) -> Result<ExprId, CodegenError> {
        let name = written(data_type, self.dialect)?;
        Ok(self.exprs.template(Level::Primary, &format!("CAST(# AS {name})"), &[expr]))
    }

    /// A conversion. Between numbers of other kinds, the plan rounds: halves of doubles to even,
    /// halves of decimals away from zero.
    fn cast(&mut self, arg: ScalarId, done: &Spelled, to: DataType, is_try: bool) -> Result<ExprId, CodegenError> {
        let (from, expr) = (self.arena.type_of(arg), done[&arg]);
        if to == DataType::Unknown {
            return Err(self.refuse("GEN-0009", "a cast to an unknown type", "declare the column's type"));
        }
        if from == DataType::Null || matches!(self.arena[arg], Scalar::Literal(Literal::Null(_))) {
            return self.literal(&Literal::Null(to));
        }
        if is_try && self.dialect == Target::Postgres {
            return Err(self.refuse(
                "GEN-0011",
                "`TRY_CAST`",
                "test the text with a pattern in a `CASE` before casting it",
            ));
        }
        if self.dialect == Target::Spark && from == DataType::Text {
            if is_try && (to.is_numeric() || to.is_temporal() || to == DataType::Boolean) {
                return Err(self.refuse(
                    "GEN-0011",
                    format!("`TRY_CAST` of a text to {to}"),
                    "test the text with a pattern in a `CASE` before casting it",
                ));
            }
            if matches!(to, DataType::Nested(_)) {
                return Err(self.refuse("GEN-0012", format!("a text as {to}"), "split the text in the model"));
            }
        }
        if to == DataType::Text && self.dialect != Target::DuckDb {
            let is_timestamp = matches!(from, DataType::Timestamp | DataType::TimestampTz);
            if from.is_float() || (is_timestamp && self.dialect == Target::DataFusion) || from == DataType::Interval {
                let construct = format!("the text of a {from}");
                return Err(self.refuse("GEN-0012", construct, "format the value explicitly in the model"));
            }
        }
        if let (Target::Postgres, false) = (self.dialect, is_try)
            && let Some(cast) = self.postgres_cast(arg, done, to)?
        {
            return Ok(cast);
        }
        let expr = if to.is_integer() && (from.is_float() || matches!(from, DataType::Decimal { .. })) {
            self.rounded(arg, expr, from)
        } else {
            expr
        };
        let name = written(to, self.dialect)?;
        let word = if is_try { "TRY_CAST" } else { "CAST" };
        Ok(self.exprs.template(Level::Primary, &format!("{word}(# AS {name})"), &[expr]))
    }

    /// The casts that PostgreSQL does not have, or makes otherwise.
    fn postgres_cast(&mut self, arg: ScalarId, done: &Spelled, to: DataType) -> Result<Option<ExprId>, CodegenError> {
        let (from, expr) = (self.arena.type_of(arg), done[&arg]);
        Ok(match (from, to) {
            (DataType::Boolean, to) if to.is_numeric() && to != DataType::Int32 => {
                let number = self.cast_to(expr, DataType::Int32)?;
                Some(self.cast_to(number, to)?)
            }
            (from, DataType::Boolean) if from.is_numeric() && from != DataType::Int32 => {
                Some(self.exprs.template(Level::Compare, "@ <> 0", &[expr]))
            }
            // Its decimals take fifteen digits of a double, and round halves away from zero.
            (from, DataType::Int128 | DataType::UInt64) if from.is_float() => {
                let whole = self.cast_to(expr, DataType::Int64)?;
                Some(self.cast_to(whole, to)?)
            }
            (from, DataType::Decimal { scale, .. }) if from.is_float() => {
                let digits = self.rounded_double(expr, scale, false)?;
                let whole = self.cast_to(digits, DataType::Int64)?;
                let unit = super::literal::decimal_text(1, scale);
                let template = if scale == 0 { "@".to_owned() } else { format!("@ * {unit}") };
                let number = self.exprs.template(Level::Multiply, &template, &[whole]);
                Some(self.cast_to(number, to)?)
            }
            (DataType::Text, DataType::Nested(_)) => {
                let help = "write the list as a list in the model";
                return Err(self.refuse("GEN-0012", "a text that is read as a list", help));
            }
            // `EXTRACT` is a number without bounds there.
            (_, DataType::Decimal { precision: 38, scale: 0 }) => self.whole_part(arg, done)?,
            _ => None,
        })
    }

    /// A number that is about to be cast to an integer, rounded as DuckDB and PostgreSQL do in the
    /// cast itself.
    fn rounded(&mut self, arg: ScalarId, expr: ExprId, from: DataType) -> ExprId {
        let is_whole = match &self.arena[arg] {
            Scalar::Call { function, args, .. } => {
                matches!(function, Function::Trunc | Function::Floor | Function::Ceil)
                    || (*function == Function::Round && args.len() == 1)
            }
            _ => false,
        };
        let is_scaleless = matches!(from, DataType::Decimal { scale: 0, .. });
        if is_whole || is_scaleless {
            return expr;
        }
        match self.dialect {
            Target::DuckDb | Target::Postgres => expr,
            Target::Spark if from.is_float() => self.exprs.call("rint", &[expr]),
            Target::DataFusion if from.is_float() => {
                // round() takes halves away from zero.
                let template = "CASE WHEN abs(@ - trunc(@)) = 0.5 THEN 2 * round(@ / 2) ELSE round(#) END";
                self.exprs.template(Level::Primary, template, &[expr; 4])
            }
            Target::Spark | Target::DataFusion => self.exprs.call("round", &[expr]),
        }
    }

    /// The sides of a comparison or of an arithmetic operation, without the casts that every
    /// dialect makes by itself, so that `x > 5` does not become `x > CAST(5 AS DOUBLE)`.
    pub(super) fn sides(&mut self, function: Function, args: &[ScalarId], done: &Spelled) -> Option<(ExprId, ExprId)> {
        let [left, right] = args else { return None };
        let (left_type, right_type) = (self.arena.type_of(*left), self.arena.type_of(*right));
        let is_comparison = function.flipped().is_some();
        let mut sides = [done[left], done[right]];
        for (i, (side, other)) in [(*left, *right), (*right, *left)].into_iter().enumerate() {
            let other_type = if i == 0 { right_type } else { left_type };
            let is_constant = matches!(self.arena[other], Scalar::Literal(_));
            if is_constant || matches!(self.arena[other], Scalar::Cast { .. }) {
                continue;
            }
            if let Some(number) = self.bare_number(side, other_type)
                && (is_comparison || other_type.is_float())
            {
                sides[i] = number;
                continue;
            }
            if let Scalar::Cast { arg, to, is_try: false } = self.arena[side]
                && to == other_type
                && (to != DataType::Float32 || self.dialect == Target::DuckDb)
                && (is_comparison || to == DataType::Float64)
                && is_numeric_widening(self.arena.type_of(arg), to)
                && !matches!(self.arena[arg], Scalar::Literal(_))
            {
                sides[i] = done[&arg];
            }
        }
        Some((sides[0], sides[1]))
    }

    /// A constant without its type, for a place where the other operand's type is known.
    pub(super) fn bare_number(&mut self, scalar: ScalarId, other: DataType) -> Option<ExprId> {
        let arena = self.arena;
        let (literal, to) = match &arena[scalar] {
            Scalar::Literal(literal) => (literal, literal.data_type()),
            Scalar::Cast { arg, to, is_try: false } => match &arena[*arg] {
                Scalar::Literal(literal) => (literal, *to),
                _ => return None,
            },
            _ => return None,
        };
        let text = match literal {
            Literal::Int(value, _) if to.is_integer() && other.is_integer() => value.to_string(),
            Literal::Int(value, _) if to == other && (to.is_float() || matches!(to, DataType::Decimal { .. })) => {
                value.to_string()
            }
            Literal::Decimal { value, scale, .. } if to == DataType::Float64 && other == to => {
                super::literal::decimal_text(*value, *scale)
            }
            Literal::Float(bits) if other == DataType::Float64 => {
                let value = f64::from_bits(*bits);
                let text = format!("{value:?}");
                let is_short = value.is_finite() && text.len() <= 16 && !text.contains('e');
                if !is_short {
                    return None;
                }
                text
            }
            _ => return None,
        };
        if text.trim_start_matches('-').len() > 16 {
            return None;
        }
        let level = if text.starts_with('-') { Level::Unary } else { Level::Primary };
        Some(self.exprs.template_of(super::expr::Kind::Literal, level, &text, &[]))
    }

    /// How often each column is read when scalars are written as trees; saturates.
    pub(super) fn occurrences(&self, scalars: &[ScalarId]) -> FxHashMap<ColumnId, u64> {
        let mut counts: FxHashMap<ColumnId, u64> = FxHashMap::default();
        for &root in scalars {
            let mut order = Vec::new();
            self.arena.visit(root, &mut |id, _| order.push(id));
            let mut times: FxHashMap<ScalarId, u64> = FxHashMap::default();
            times.insert(root, 1);
            for &id in order.iter().rev() {
                let here = times.get(&id).copied().unwrap_or(0);
                if let Scalar::Column(column) = self.arena[id] {
                    let count = counts.entry(column).or_default();
                    *count = count.saturating_add(here);
                }
                for operand in self.arena.operands(id) {
                    let count = times.entry(operand).or_default();
                    *count = count.saturating_add(here);
                }
            }
        }
        counts
    }

    /// The type that the dialect gives an integer constant.
    pub(super) fn natural_integer(&self, value: i128) -> DataType {
        if self.dialect != Target::DataFusion && i32::try_from(value).is_ok() {
            DataType::Int32
        } else if i64::try_from(value).is_ok() {
            DataType::Int64
        } else {
            DataType::Int128
        }
    }
}

/// Whether an integer type holds more than another.
pub(super) fn is_wider(data_type: DataType, than: DataType) -> bool {
    data_type.integer_bits() > than.integer_bits()
}

fn is_numeric_widening(from: DataType, to: DataType) -> bool {
    from.is_numeric() && to.is_numeric() && (is_widening(from, to) || (from.is_integer() && to == DataType::Float64))
}
