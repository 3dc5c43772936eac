//! Random scalars and filters: what the simplifier makes of them has the value, and lets the rows pass,
//! that the reference interpreter gives for them as they were written.

use std::sync::Arc;

use isomer_ir::semantics::{Database, EvalError, Value, evaluate};
use isomer_ir::{Arena, ColumnId, DataType, Function, Literal, Output, OutputColumn, Plan, Scalar, ScalarId};

use super::{Simplifier, Switches};
use crate::templates::ScalarTemplates;

const N_SCALARS: u32 = 6_000;
const N_FILTERS: u32 = 6_000;
const N_ROWS: usize = 8;

/// A deterministic source of choices.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

const DECIMAL: DataType = DataType::Decimal { precision: 6, scale: 2 };

/// A table with two columns of each type, and scalars over it.
struct Maker {
    arena: Arena,
    chance: Chance,
    columns: Vec<(ColumnId, DataType)>,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let mut arena = Arena::default();
        let table: Arc<str> = Arc::from("t");
        let types = [DataType::Int32, DataType::Boolean, DataType::Text, DataType::Date, DECIMAL, DataType::Int8];
        let mut columns = Vec::new();
        for (place, data_type) in types.into_iter().cycle().take(2 * types.len()).enumerate() {
            columns.push((arena.base_column(&table, &format!("c{place}"), data_type), data_type));
        }
        Self { arena, chance: Chance(seed), columns }
    }

    fn literal(&mut self, data_type: DataType) -> ScalarId {
        let literal = match data_type {
            _ if self.chance.below(8) == 0 => Literal::Null(data_type),
            DataType::Boolean => Literal::Boolean(self.chance.below(2) == 0),
            DataType::Text => Literal::Text(Arc::from(["", "a", "ab", "b%", "ba"][self.chance.below(5)])),
            DataType::Date => Literal::Date([0, 1, 2, 31, -1][self.chance.below(5)]),
            DataType::Decimal { .. } => {
                let value = [0, 100, 150, -100, 200][self.chance.below(5)];
                Literal::Decimal { value, precision: 6, scale: 2 }
            }
            DataType::Int8 => Literal::Int([0, 1, 2, -1, 5, 127, -128][self.chance.below(7)], DataType::Int8),
            _ => Literal::Int([0, 1, 2, 3, -1, 5, 127, 300][self.chance.below(8)], DataType::Int32),
        };
        self.arena.literal(literal)
    }

    /// A constant to compare with: for a narrow integer one that it may not have.
    fn bound(&mut self, data_type: DataType) -> ScalarId {
        self.literal(if data_type == DataType::Int8 { DataType::Int32 } else { data_type })
    }

    fn scalar(&mut self, data_type: DataType, depth: u32) -> ScalarId {
        if depth == 0 || self.chance.below(6) == 0 {
            let fitting: Vec<ColumnId> =
                self.columns.iter().filter(|(_, own)| *own == data_type).map(|(id, _)| *id).collect();
            if fitting.is_empty() || self.chance.below(3) == 0 {
                return self.literal(data_type);
            }
            let column = fitting[self.chance.below(fitting.len())];
            return self.arena.column_ref(column);
        }
        let deeper = depth - 1;
        match self.chance.below(8) {
            0 => {
                let n_branches = 1 + self.chance.below(2);
                let branches = (0..n_branches)
                    .map(|_| (self.scalar(DataType::Boolean, deeper), self.scalar(data_type, deeper)))
                    .collect();
                let otherwise = self.scalar(data_type, deeper);
                self.arena.scalar(Scalar::Case { branches, otherwise, data_type })
            }
            1 => {
                let args = [self.scalar(data_type, deeper), self.scalar(data_type, deeper)];
                let function = [Function::Coalesce, Function::NullIf][self.chance.below(2)];
                self.arena.call(function, args, data_type)
            }
            _ => self.typed(data_type, deeper),
        }
    }

    fn typed(&mut self, data_type: DataType, depth: u32) -> ScalarId {
        match data_type {
            DataType::Boolean => self.predicate(depth),
            DataType::Text => {
                let args = [self.scalar(data_type, depth), self.scalar(data_type, depth)];
                self.arena.call(Function::Concat, args, data_type)
            }
            DataType::Int32 => {
                let args = [self.scalar(data_type, depth), self.scalar(data_type, depth)];
                let function = [Function::Add, Function::Subtract, Function::Multiply][self.chance.below(3)];
                self.arena.call(function, args, data_type)
            }
            DataType::Int8 | DataType::Date | DataType::Decimal { .. } => self.scalar(data_type, 0),
            _ => self.literal(data_type),
        }
    }

    fn predicate(&mut self, depth: u32) -> ScalarId {
        let types = [DataType::Int32, DataType::Text, DataType::Date, DECIMAL, DataType::Int8, DataType::Boolean];
        let data_type = types[self.chance.below(types.len())];
        match self.chance.below(12) {
            0 | 1 => {
                let n = 2 + self.chance.below(2);
                let args: Vec<ScalarId> = (0..n).map(|_| self.scalar(DataType::Boolean, depth)).collect();
                if self.chance.below(2) == 0 { self.arena.and(args) } else { self.arena.or(args) }
            }
            2 => {
                let arg = self.scalar(DataType::Boolean, depth);
                let function = [Function::Not, Function::IsTrue, Function::IsFalse][self.chance.below(3)];
                self.arena.predicate(function, [arg])
            }
            3 => {
                let arg = self.scalar(data_type, depth);
                self.arena.predicate(Function::IsNull, [arg])
            }
            4 => {
                let arg = self.scalar(data_type, depth);
                let list = (0..1 + self.chance.below(3)).map(|_| self.bound(data_type)).collect();
                self.arena.in_list(arg, list)
            }
            5 => {
                let arg = self.scalar(DataType::Text, depth);
                let pattern = ["a%", "%", "ab", "%b", "_", "a%%", "%a%"][self.chance.below(7)];
                let pattern = self.arena.text(pattern);
                self.arena.predicate(Function::Like, [arg, pattern])
            }
            6 => {
                let arg = self.scalar(DataType::Int8, 0);
                let arg = self.arena.cast(arg, DataType::Int32);
                let bound = self.literal(DataType::Int32);
                self.comparison(arg, bound)
            }
            7 => {
                let arg = self.scalar(DataType::Date, 0);
                let arg = self.arena.cast(arg, DataType::Timestamp);
                let micros = [0, 43_200_000_000, 86_400_000_000, -1][self.chance.below(4)];
                let bound = self.arena.literal(Literal::Timestamp(micros));
                self.comparison(arg, bound)
            }
            _ => {
                let left = self.scalar(data_type, depth);
                let right =
                    if self.chance.below(3) == 0 { self.scalar(data_type, depth) } else { self.bound(data_type) };
                self.comparison(left, right)
            }
        }
    }

    fn comparison(&mut self, left: ScalarId, right: ScalarId) -> ScalarId {
        let functions = [
            Function::Eq,
            Function::NotEq,
            Function::Lt,
            Function::LtEq,
            Function::Gt,
            Function::GtEq,
            Function::IsDistinct,
            Function::IsNotDistinct,
        ];
        let function = functions[self.chance.below(functions.len())];
        self.arena.comparison(function, left, right)
    }

    fn row(&mut self) -> Vec<Value> {
        let types: Vec<DataType> = self.columns.iter().map(|(_, data_type)| *data_type).collect();
        types
            .into_iter()
            .map(|data_type| {
                let literal = self.literal(data_type);
                let Scalar::Literal(literal) = &self.arena[literal] else { unreachable!("a literal was made") };
                Value::from(literal)
            })
            .collect()
    }

    fn database(&mut self, row: Vec<Value>) -> Database {
        let mut database = Database::default();
        database.insert(&Arc::from("t"), vec![row]);
        database
    }

    fn scan(&self) -> Plan {
        Plan::Scan { table: Arc::from("t"), columns: self.columns.iter().map(|(id, _)| *id).collect() }
    }

    /// The value of a scalar on one row.
    fn value(&mut self, scalar: ScalarId, database: &Database) -> Result<Vec<Vec<Value>>, EvalError> {
        let data_type = self.arena.type_of(scalar);
        let shown = self.arena.base_column(&Arc::from("shown"), &format!("{data_type}"), data_type);
        let plan = Plan::Project { input: Box::new(self.scan()), exprs: vec![(shown, scalar)] };
        self.rows(plan, shown, database)
    }

    /// Whether a row passes a filter.
    fn passes(&mut self, holds: &[ScalarId], database: &Database) -> Result<bool, EvalError> {
        let plan = Plan::Filter { input: Box::new(self.scan()), holds: holds.to_vec() };
        let shown = self.columns[0].0;
        self.rows(plan, shown, database).map(|rows| !rows.is_empty())
    }

    fn rows(&self, plan: Plan, shown: ColumnId, database: &Database) -> Result<Vec<Vec<Value>>, EvalError> {
        let column = OutputColumn { name: Arc::from("v"), column: shown, is_nullable: true };
        evaluate(&Output { plan, columns: vec![column] }, &self.arena, database).map(|rows| rows.rows)
    }

    fn told(&self, scalars: &[ScalarId]) -> String {
        scalars.iter().map(|&id| isomer_ir::explain_scalar(id, &self.arena)).collect::<Vec<_>>().join(" AND ")
    }
}

#[test]
fn simplified_scalars_have_the_value_of_the_written_ones() {
    let mut maker = Maker::new(0x9E37_79B9_7F4A_7C15);
    let (mut switches, templates) = (Switches::default(), ScalarTemplates::default());
    let mut n_changed = 0;
    for n in 0..N_SCALARS {
        let data_type = [DataType::Boolean, DataType::Int32, DataType::Text][n as usize % 3];
        let written = maker.scalar(data_type, 3);
        let simple = Simplifier::default().scalar(&mut maker.arena, written, &mut switches, &templates);
        assert_eq!(maker.arena.type_of(simple), data_type, "the type of {}", maker.told(&[written]));
        n_changed += u32::from(simple != written);
        for _ in 0..N_ROWS {
            let row = maker.row();
            let database = maker.database(row.clone());
            // An error may vanish with what made it; none may appear.
            let Ok(expect) = maker.value(written, &database) else { continue };
            let found = maker.value(simple, &database);
            let is_equal = found.as_ref().is_ok_and(|found| format!("{found:?}") == format!("{expect:?}"));
            let texts = [maker.told(&[written]), maker.told(&[simple])];
            assert!(is_equal, "{}\nbecame\n{}\nwhich gives {found:?}, not {expect:?}\non {row:?}", texts[0], texts[1]);
        }
    }
    assert!(n_changed > N_SCALARS / 4, "{n_changed} scalars were simplified at all");
}

#[test]
fn simplified_filters_let_the_same_rows_pass() {
    let mut maker = Maker::new(0xD1B5_4A32_D192_ED03);
    let (mut switches, templates) = (Switches::default(), ScalarTemplates::default());
    let mut n_passed = 0;
    for _ in 0..N_FILTERS {
        let n = 1 + maker.chance.below(4);
        let written: Vec<ScalarId> = (0..n).map(|_| maker.scalar(DataType::Boolean, 2)).collect();
        let simple = Simplifier::default().holds(&mut maker.arena, &written, &mut switches, &templates);
        let again = Simplifier::default().holds(&mut maker.arena, &simple, &mut switches, &templates);
        assert_eq!(maker.told(&again), maker.told(&simple), "{} has one normal form", maker.told(&written));
        for _ in 0..N_ROWS {
            let row = maker.row();
            let database = maker.database(row.clone());
            let Ok(expect) = maker.passes(&written, &database) else { continue };
            n_passed += u32::from(expect);
            let found = maker.passes(&simple, &database);
            let texts = [maker.told(&written), maker.told(&simple)];
            assert_eq!(found, Ok(expect), "{}\nbecame\n{}\non {row:?}", texts[0], texts[1]);
        }
    }
    assert!(n_passed > N_FILTERS / 8, "{n_passed} rows passed at all");
}
