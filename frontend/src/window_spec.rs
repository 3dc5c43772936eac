//! What stands behind `OVER`: partitions, orders and frames, named or written out.

use isomer_ir::{Exclusion, Frame, FrameBound, FrameUnit, Literal, Scalar, ScalarId, SortKey, fold};
use sqlparser::ast::{
    self, Expr, NamedWindowExpr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use crate::bind::{Bind, Binder};
use crate::frame_syntax::exclusion_of;

impl<'a> Binder<'a> {
    /// Partition, order and frame of an `OVER` clause, named windows looked up.
    #[allow(clippy::type_complexity, reason = "the three parts of a window")]
    pub(crate) fn window(
        &mut self,
        over: &'a WindowType,
        depth: usize,
    ) -> Bind<(Vec<ScalarId>, Vec<SortKey>, Option<Frame>)> {
        match over {
            WindowType::NamedWindow(name) => self.named_window(name, depth),
            WindowType::WindowSpec(spec) => self.window_spec(spec, depth),
        }
    }

    #[allow(clippy::type_complexity, reason = "the three parts of a window")]
    fn named_window(&mut self, name: &ast::Ident, depth: usize) -> Bind<(Vec<ScalarId>, Vec<SortKey>, Option<Frame>)> {
        let key = fold(&name.value);
        let found = self.level().windows.iter().find(|(known, _)| *known == key).map(|(_, window)| *window);
        match found {
            _ if depth > 20 => Err(self.unsupported(name, "a named window that is defined by itself")),
            Some(NamedWindowExpr::NamedWindow(other)) => self.named_window(other, depth + 1),
            Some(NamedWindowExpr::WindowSpec(spec)) => self.window_spec(spec, depth + 1),
            None => Err(self.fault("SQL-0007", name, format!("window `{}` is not known", name.value))),
        }
    }

    #[allow(clippy::type_complexity, reason = "the three parts of a window")]
    fn window_spec(
        &mut self,
        spec: &'a WindowSpec,
        depth: usize,
    ) -> Bind<(Vec<ScalarId>, Vec<SortKey>, Option<Frame>)> {
        let WindowSpec { window_name, partition_by, order_by, window_frame } = spec;
        let (mut partition, mut order, mut frame) = match window_name {
            Some(name) => self.named_window(name, depth + 1)?,
            None => (Vec::new(), Vec::new(), None),
        };
        for expr in partition_by {
            partition.push(self.scalar(expr)?);
        }
        let mut exclusion = Exclusion::Nothing;
        for key in order_by {
            if let Some(found) = exclusion_of(&key.expr) {
                exclusion = found;
            } else if let Some(number) = self.sequence_key(&key.expr) {
                order.push(self.sort_key(number, key.options));
            } else {
                order.push(self.collated_key(key)?);
            }
        }
        if let Some(written) = window_frame {
            frame = Some(Frame { exclusion, ..self.frame(written)? });
        }
        Ok((partition, order, frame))
    }

    fn frame(&mut self, frame: &'a WindowFrame) -> Bind<Frame> {
        let WindowFrame { units, start_bound, end_bound } = frame;
        let unit = match units {
            WindowFrameUnits::Rows => FrameUnit::Rows,
            WindowFrameUnits::Range => FrameUnit::Range,
            WindowFrameUnits::Groups => FrameUnit::Groups,
        };
        let start = self.bound(start_bound, unit)?;
        let end = match end_bound {
            Some(end) => self.bound(end, unit)?,
            None => FrameBound::CurrentRow,
        };
        if matches!(start, FrameBound::UnboundedFollowing) || matches!(end, FrameBound::UnboundedPreceding) {
            return Err(self.unsupported_somewhere("a window frame that ends before it starts"));
        }
        Ok(Frame { unit, start, end, exclusion: Exclusion::Nothing })
    }

    fn bound(&mut self, bound: &'a WindowFrameBound, unit: FrameUnit) -> Bind<FrameBound> {
        Ok(match bound {
            WindowFrameBound::CurrentRow => FrameBound::CurrentRow,
            WindowFrameBound::Preceding(None) => FrameBound::UnboundedPreceding,
            WindowFrameBound::Following(None) => FrameBound::UnboundedFollowing,
            WindowFrameBound::Preceding(Some(expr)) => FrameBound::Preceding(self.distance(expr, unit)?),
            WindowFrameBound::Following(Some(expr)) => FrameBound::Following(self.distance(expr, unit)?),
        })
    }

    fn distance(&mut self, expr: &'a Expr, unit: FrameUnit) -> Bind<ScalarId> {
        let scalar = self.expr(expr)?;
        match &self.arena[scalar] {
            Scalar::Literal(Literal::Int(n, _)) if *n >= 0 => Ok(scalar),
            Scalar::Literal(Literal::Interval { .. } | Literal::Decimal { .. }) if unit == FrameUnit::Range => {
                Ok(scalar)
            }
            _ => Err(self.unsupported(expr, "a frame bound that is no literal")),
        }
    }
}
