//! Spelled expressions: text with holes, interned, with the facts that decide where SQL lets them
//! stand. Which table alias a field gets, and where lines break, is left to the printer.

use std::borrow::Cow;

use indexmap::IndexSet;
use isomer_ir::ColumnId;
use rustc_hash::FxBuildHasher;

/// How tightly an expression binds. Parentheses are written where a hole asks for more.
///
/// The order holds in all four dialects: `||` stands apart from arithmetic because the dialects
/// disagree about it, and the printer then writes parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Level {
    Or,
    And,
    Not,
    Compare,
    Concat,
    Add,
    Multiply,
    Unary,
    Primary,
}

/// An interned expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ExprId(u32);

/// A relation in a `FROM` list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SourceId(pub(super) u32);

/// A finished query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct QueryId(pub(super) u32);

/// A part of a spelled expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Piece {
    /// As it is written.
    Text(Cow<'static, str>),
    /// An operand that binds at least so tightly, or is put in parentheses.
    Expr(ExprId, Level),
}

/// A spelled expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// A column of a relation in scope.
    Field { source: SourceId, column: ColumnId },
    /// Text with operands.
    Pieces { level: Level, pieces: Vec<Piece>, kind: Kind },
    /// `a AND b AND …` or `a OR b OR …`.
    Junction { is_and: bool, operands: Vec<ExprId> },
    /// A searched `CASE`.
    Case { branches: Vec<(ExprId, ExprId)>, otherwise: Option<ExprId> },
    /// `arg [NOT] IN (list)`.
    InList { arg: ExprId, list: Vec<ExprId>, is_negated: bool },
    /// `EXISTS (…)`, `arg IN (…)` or a scalar subquery.
    Subquery { kind: SubqueryKind, query: QueryId },
}

/// What a spelled expression is, where a clause must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Nothing of note.
    Plain,
    /// A constant.
    Literal,
    /// `a = b`.
    Equality,
    /// `a IS NOT DISTINCT FROM b`, as DataFusion has it.
    NullSafe,
    /// An aggregate call.
    Aggregate,
    /// A window call.
    Window,
    /// A ranking window call.
    Ranking,
    /// A call whose every evaluation may differ.
    Volatile,
}

/// How a subquery stands in an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SubqueryKind {
    /// `[NOT] EXISTS (…)`.
    Exists { is_negated: bool },
    /// `arg [NOT] IN (…)`.
    In { arg: ExprId, is_negated: bool },
    /// `(…)` with at most one row.
    Scalar,
}

/// What is known of an expression with all of its operands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    /// Nodes when written as a tree; saturates.
    pub(super) size: u64,
    pub(super) has_aggregate: bool,
    pub(super) has_window: bool,
    pub(super) has_subquery: bool,
    pub(super) is_volatile: bool,
}

/// All expressions of a statement.
#[derive(Debug, Default)]
pub(super) struct Exprs {
    nodes: IndexSet<Node, FxBuildHasher>,
    facts: Vec<Facts>,
}

/// Size given to a subquery, so that it is never written twice where once will do.
const SUBQUERY_SIZE: u64 = 32;

impl std::ops::Index<ExprId> for Exprs {
    type Output = Node;

    fn index(&self, id: ExprId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}

impl ExprId {
    /// Position among all expressions; operands come before what holds them.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

impl Exprs {
    /// Interns an expression.
    pub(super) fn add(&mut self, node: Node) -> ExprId {
        let facts = self.facts_of(&node);
        let (index, is_new) = self.nodes.insert_full(node);
        if is_new {
            self.facts.push(facts);
        }
        ExprId(u32::try_from(index).expect("fewer than 2^32 expressions"))
    }

    /// How many expressions there are.
    pub(super) fn len(&self) -> usize {
        self.facts.len()
    }

    /// The expression at a position.
    pub(super) fn at(&self, index: usize) -> &Node {
        &self.nodes[index]
    }

    /// What is known of an expression.
    pub(super) fn facts(&self, id: ExprId) -> Facts {
        self.facts[id.index()]
    }

    /// How tightly an expression binds.
    pub(super) fn level(&self, id: ExprId) -> Level {
        match &self[id] {
            Node::Field { .. } | Node::Case { .. } => Level::Primary,
            Node::Pieces { level, .. } => *level,
            Node::Junction { is_and: true, .. } => Level::And,
            Node::Junction { is_and: false, .. } => Level::Or,
            Node::InList { .. } => Level::Compare,
            Node::Subquery { kind, .. } => match kind {
                SubqueryKind::Exists { is_negated: true } => Level::Not,
                SubqueryKind::Exists { is_negated: false } | SubqueryKind::Scalar => Level::Primary,
                SubqueryKind::In { .. } => Level::Compare,
            },
        }
    }

    /// The kind of a spelled expression.
    pub(super) fn kind(&self, id: ExprId) -> Kind {
        match &self[id] {
            Node::Pieces { kind, .. } => *kind,
            Node::Field { .. }
            | Node::Junction { .. }
            | Node::Case { .. }
            | Node::InList { .. }
            | Node::Subquery { .. } => Kind::Plain,
        }
    }

    /// Text that binds as `level` says.
    pub(super) fn text(&mut self, text: impl Into<Cow<'static, str>>, level: Level) -> ExprId {
        self.add(Node::Pieces { level, pieces: vec![Piece::Text(text.into())], kind: Kind::Plain })
    }

    /// Text with operands for its marks: `#` takes one of any level, `@` only a primary one, both
    /// in the order of `operands`.
    pub(super) fn template(&mut self, level: Level, template: &str, operands: &[ExprId]) -> ExprId {
        self.template_of(Kind::Plain, level, template, operands)
    }

    /// As [`Exprs::template`], of a kind.
    pub(super) fn template_of(&mut self, kind: Kind, level: Level, template: &str, operands: &[ExprId]) -> ExprId {
        let mut pieces = Vec::with_capacity(2 * operands.len() + 1);
        let mut operands = operands.iter();
        let mut text = String::new();
        for part in template.chars() {
            let least = match part {
                '#' => Level::Or,
                '@' => Level::Primary,
                _ => {
                    text.push(part);
                    continue;
                }
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(Cow::Owned(std::mem::take(&mut text))));
            }
            let operand = operands.next().expect("a template has as many marks as operands");
            pieces.push(Piece::Expr(*operand, least));
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(Cow::Owned(text)));
        }
        self.add(Node::Pieces { level, pieces, kind })
    }

    /// `name(a, b, …)`.
    pub(super) fn call(&mut self, name: &str, operands: &[ExprId]) -> ExprId {
        let mut pieces = vec![Piece::Text(Cow::Owned(format!("{name}(")))];
        for (i, &operand) in operands.iter().enumerate() {
            if i > 0 {
                pieces.push(Piece::Text(Cow::Borrowed(", ")));
            }
            pieces.push(Piece::Expr(operand, Level::Or));
        }
        pieces.push(Piece::Text(Cow::Borrowed(")")));
        self.add(Node::Pieces { level: Level::Primary, pieces, kind: Kind::Plain })
    }

    /// `left operator right`, which associates to the left unless `level` is that of comparisons.
    pub(super) fn infix(&mut self, level: Level, left: ExprId, operator: &'static str, right: ExprId) -> ExprId {
        let tighter = match level {
            Level::Or => Level::And,
            Level::And => Level::Not,
            Level::Not => Level::Compare,
            Level::Compare => Level::Concat,
            Level::Concat => Level::Unary,
            Level::Add => Level::Multiply,
            Level::Multiply => Level::Unary,
            Level::Unary | Level::Primary => Level::Primary,
        };
        let left_least = match level {
            Level::Compare => tighter,
            // A chain of `||` is flat, anything else below it is set apart.
            Level::Concat if self.level(left) != Level::Concat => tighter,
            Level::Or
            | Level::And
            | Level::Not
            | Level::Concat
            | Level::Add
            | Level::Multiply
            | Level::Unary
            | Level::Primary => level,
        };
        let kind = if operator == " = " { Kind::Equality } else { Kind::Plain };
        let pieces =
            vec![Piece::Expr(left, left_least), Piece::Text(Cow::Borrowed(operator)), Piece::Expr(right, tighter)];
        self.add(Node::Pieces { level, pieces, kind })
    }

    /// The conjunction of expressions; `None` for none.
    pub(super) fn all(&mut self, operands: &[ExprId]) -> Option<ExprId> {
        match operands {
            [] => None,
            [one] => Some(*one),
            _ => Some(self.add(Node::Junction { is_and: true, operands: operands.to_vec() })),
        }
    }

    /// The direct operands of an expression. A subquery's own expressions are not among them.
    pub(super) fn operands(&self, node: &Node) -> Vec<ExprId> {
        match node {
            Node::Field { .. } => Vec::new(),
            Node::Pieces { pieces, .. } => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Expr(id, _) => Some(*id),
                    Piece::Text(_) => None,
                })
                .collect(),
            Node::Junction { operands, .. } => operands.clone(),
            Node::Case { branches, otherwise } => {
                branches.iter().flat_map(|&(when, then)| [when, then]).chain(*otherwise).collect()
            }
            Node::InList { arg, list, .. } => [*arg].into_iter().chain(list.iter().copied()).collect(),
            Node::Subquery { kind: SubqueryKind::In { arg, .. }, .. } => vec![*arg],
            Node::Subquery { kind: SubqueryKind::Exists { .. } | SubqueryKind::Scalar, .. } => Vec::new(),
        }
    }

    /// Calls `visit` once for every expression reachable from `roots`. Iterative.
    pub(super) fn visit(&self, roots: &[ExprId], visit: &mut dyn FnMut(ExprId, &Node)) {
        let mut seen = rustc_hash::FxHashSet::default();
        let mut stack = roots.to_vec();
        while let Some(id) = stack.pop() {
            if seen.insert(id) {
                let node = &self[id];
                visit(id, node);
                stack.extend(self.operands(node));
            }
        }
    }

    fn facts_of(&self, node: &Node) -> Facts {
        let mut facts = Facts { size: 1, ..Facts::default() };
        for operand in self.operands(node) {
            let inner = self.facts(operand);
            facts.size = facts.size.saturating_add(inner.size);
            facts.has_aggregate |= inner.has_aggregate;
            facts.has_window |= inner.has_window;
            facts.has_subquery |= inner.has_subquery;
            facts.is_volatile |= inner.is_volatile;
        }
        match node {
            Node::Pieces { kind, .. } => match kind {
                Kind::Aggregate => facts.has_aggregate = true,
                // An aggregate below a window call is still one: it needs its grouping.
                Kind::Window | Kind::Ranking => facts.has_window = true,
                Kind::Volatile => facts.is_volatile = true,
                Kind::Plain | Kind::Literal | Kind::Equality | Kind::NullSafe => {}
            },
            Node::Subquery { .. } => {
                facts.has_subquery = true;
                facts.size = facts.size.saturating_add(SUBQUERY_SIZE);
            }
            Node::Field { .. } | Node::Junction { .. } | Node::Case { .. } | Node::InList { .. } => {}
        }
        facts
    }
}
