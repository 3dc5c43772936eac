//! Relations with words behind their names: samples, and tables as they were.

use std::sync::Arc;

use isomer_ir::{ColumnId, SampleMethod, SampleSize, Sampling, TableVersion, VersionBy};

use super::block::{Block, Env, MarkedName, SourceKind};
use super::dag::NodeId;
use super::statement::Statement;
use super::target::Target;
use crate::CodegenError;

impl Statement<'_, '_> {
    /// Rows that chance picks, of a table or of a query of its own.
    pub(super) fn sample(&mut self, input: NodeId, sampling: &Sampling) -> Result<Block, CodegenError> {
        let words = self.sample_words(sampling)?;
        let mut block = self.build(input)?;
        block.forget_order();
        if !self.is_bare_read(&block) {
            let cte = self.write_cte(block, None)?;
            block = self.reading_cte(cte);
        }
        let Some(item) = block.items.first() else {
            return Err(self.speller.refuse("GEN-0041", "a sample of nothing", "report this plan as a bug"));
        };
        let source = &self.sources[item.source.0 as usize];
        let name = match &source.kind {
            SourceKind::Table(name) => MarkedName::Table(Arc::clone(name)),
            SourceKind::Cte(cte) if self.dialect() != Target::Postgres => MarkedName::Cte(*cte),
            _ => {
                let construct = "a sample of something that is no table";
                return Err(self.speller.refuse("GEN-0041", construct, "keep the model as it is written"));
            }
        };
        let names = source.names.clone();
        let ids: Vec<ColumnId> = block.env.keys().copied().collect();
        let known: Vec<_> = block.env.values().copied().collect();
        let marked = self.source(SourceKind::Marked { name, words, is_volatile: true }, names);
        let mut env = Env::default();
        for (id, expr) in ids.into_iter().zip(known) {
            let super::expr::Node::Field { column, .. } = self.speller.exprs[expr] else { continue };
            let field = self.field(marked, column);
            env.insert(id, field);
        }
        // In a query of its own: what is above filters, joins and groups the sample.
        let block = Block { env, ..self.reading(marked, &[]) };
        let cte = self.write_cte(block, None)?;
        Ok(self.reading_cte(cte))
    }

    fn sample_words(&self, sampling: &Sampling) -> Result<String, CodegenError> {
        let Sampling { method, size, seed, serial: _ } = sampling;
        let seed = seed.map(|seed| format!(" REPEATABLE ({seed})")).unwrap_or_default();
        Ok(match (self.dialect(), method, size) {
            (Target::DuckDb, Some(method), SampleSize::Percent(percent)) => {
                format!("TABLESAMPLE {} ({percent} PERCENT){seed}", method.word())
            }
            (Target::DuckDb, Some(method), SampleSize::Rows(rows)) => {
                format!("TABLESAMPLE {} ({rows} ROWS){seed}", method.word())
            }
            (
                Target::Postgres,
                Some(method @ (SampleMethod::Bernoulli | SampleMethod::System)),
                SampleSize::Percent(percent),
            ) => {
                format!("TABLESAMPLE {} ({percent}){seed}", method.word())
            }
            (Target::Spark, Some(SampleMethod::Bernoulli), SampleSize::Percent(percent)) => {
                format!("TABLESAMPLE ({percent} PERCENT){seed}")
            }
            (Target::Spark, None, SampleSize::Rows(rows)) if seed.is_empty() => format!("TABLESAMPLE ({rows} ROWS)"),
            _ => {
                let construct = format!("a sample of {sampling}");
                return Err(self.speller.refuse("GEN-0041", construct, "keep the model as it is written"));
            }
        })
    }

    /// A table as it was.
    pub(super) fn scan_at(
        &mut self,
        node: NodeId,
        table: &Arc<str>,
        version: TableVersion,
        columns: &[ColumnId],
    ) -> Result<Block, CodegenError> {
        let at = self.speller.scalar(&Env::default(), version.at)?;
        let at = super::print::print_expr(self, at);
        let words = match (self.dialect(), version.by) {
            (Target::DuckDb, VersionBy::Version) => format!("AT (VERSION => {at})"),
            (Target::DuckDb, VersionBy::Timestamp) => format!("AT (TIMESTAMP => {at})"),
            (Target::Spark, VersionBy::VersionAsOf) => format!("VERSION AS OF {at}"),
            (Target::Spark, VersionBy::TimestampAsOf) => format!("TIMESTAMP AS OF {at}"),
            _ => {
                let construct = format!("`{table}` as it was");
                return Err(self.speller.refuse("GEN-0042", construct, "keep the model as it is written"));
            }
        };
        let (sql_name, names) = self.scanned(table, columns)?;
        let name = MarkedName::Table(sql_name);
        let source = self.source(SourceKind::Marked { name, words, is_volatile: false }, names);
        let demanded = self.dag.demanded(node);
        Ok(self.reading(source, &demanded))
    }
}
