//! Plans in few words: tables `orders`, `customer` and `events`, and builders for scalars and
//! operators over them.

#![allow(dead_code, reason = "each test file uses its own part of the builders")]

use std::sync::Arc;

use isomer_ir::{
    AggregateCall, AggregateFunction, Arena, Args, Catalog, Column, ColumnId, DataType, Frame, Function, JoinKind, Key,
    Literal, Output, OutputColumn, Plan, RankingFunction, Scalar, ScalarId, SetOpKind, SortKey, Span, Table,
    WindowCall, WindowFunction,
};

pub(crate) const MONEY: DataType = DataType::Decimal { precision: 15, scale: 2 };

pub(crate) struct Plans {
    pub(crate) arena: Arena,
    pub(crate) catalog: Catalog,
}

impl Plans {
    #[allow(clippy::type_complexity, reason = "a table of literals reads best flat")]
    pub(crate) fn new() -> Self {
        let mut catalog = Catalog::default();
        let tables: [(&str, &str, &[(&str, DataType)]); 3] = [
            (
                "orders",
                "orders",
                &[
                    ("order_id", DataType::Int64),
                    ("customer_id", DataType::Int64),
                    ("amount", MONEY),
                    ("placed", DataType::Date),
                    ("note", DataType::Text),
                ],
            ),
            (
                "customer",
                "shop.customer",
                &[("id", DataType::Int64), ("Name", DataType::Text), ("group", DataType::Text)],
            ),
            (
                "events",
                "events",
                &[
                    ("user_id", DataType::Int64),
                    ("seen", DataType::Timestamp),
                    ("value", DataType::Float64),
                    ("kind", DataType::Text),
                    ("flag", DataType::Boolean),
                    ("n", DataType::Int32),
                ],
            ),
        ];
        for (key, sql_name, columns) in tables {
            let columns = columns.iter().enumerate().map(|(i, (name, data_type))| Column {
                name: Arc::from(*name),
                key: Arc::from(name.to_lowercase()),
                data_type: *data_type,
                is_nullable: i > 0,
                n_distinct: None,
            });
            let keys = if key == "events" {
                Vec::new()
            } else {
                vec![Key { columns: vec![0], declared_by: Arc::from("test") }]
            };
            catalog.insert(Table {
                key: Arc::from(key),
                sql_name: Arc::from(sql_name),
                columns: columns.collect(),
                keys,
                foreign_keys: Vec::new(),
                n_rows: None,
            });
        }
        Self { arena: Arena::default(), catalog }
    }

    pub(crate) fn scan(&mut self, table: &str) -> Plan {
        let table = self.catalog.get(table).unwrap().clone();
        let columns = table
            .columns
            .iter()
            .map(|column| self.arena.base_column(&table.key, &column.key, column.data_type))
            .collect();
        Plan::Scan { table: table.key, columns }
    }

    /// The id of `table.column`, or of `k:table.column` in the k-th instance.
    pub(crate) fn id(&mut self, name: &str) -> ColumnId {
        let (k, name) = name.split_once(':').map_or((0, name), |(k, name)| (k.parse().unwrap(), name));
        let (table, column) = name.split_once('.').unwrap();
        let table = self.catalog.get(table).unwrap().clone();
        let column = &table.columns[table.position(column).unwrap()];
        let id = self.arena.base_column(&table.key, &column.key, column.data_type);
        if k == 0 { id } else { self.arena.instance(id, k) }
    }

    pub(crate) fn col(&mut self, name: &str) -> ScalarId {
        let id = self.id(name);
        self.arena.column_ref(id)
    }

    pub(crate) fn int(&mut self, value: i128) -> ScalarId {
        self.arena.literal(Literal::Int(value, DataType::Int32))
    }

    pub(crate) fn dec(&mut self, value: i128, scale: u8) -> ScalarId {
        self.arena.literal(Literal::Decimal { value, precision: 5, scale })
    }

    pub(crate) fn float(&mut self, value: f64) -> ScalarId {
        self.arena.literal(Literal::Float(value.to_bits()))
    }

    pub(crate) fn text(&mut self, value: &str) -> ScalarId {
        self.arena.text(value)
    }

    pub(crate) fn call(&mut self, function: Function, args: &[ScalarId], data_type: DataType) -> ScalarId {
        self.arena.call(function, args.iter().copied(), data_type)
    }

    pub(crate) fn test(&mut self, function: Function, left: ScalarId, right: ScalarId) -> ScalarId {
        self.arena.predicate(function, [left, right])
    }

    pub(crate) fn eq(&mut self, left: &str, right: &str) -> ScalarId {
        let (left, right) = (self.col(left), self.col(right));
        self.test(Function::Eq, left, right)
    }

    pub(crate) fn not(&mut self, scalar: ScalarId) -> ScalarId {
        self.arena.predicate(Function::Not, [scalar])
    }

    pub(crate) fn cast(&mut self, arg: ScalarId, to: DataType) -> ScalarId {
        self.arena.cast(arg, to)
    }

    pub(crate) fn computed(&mut self, scalar: ScalarId, hint: &str) -> (ColumnId, ScalarId) {
        (self.arena.computed_column(scalar, hint), scalar)
    }

    /// A projection; plain columns by name.
    pub(crate) fn project(&mut self, input: Plan, columns: &[&str], more: &[(ColumnId, ScalarId)]) -> Plan {
        let mut exprs: Vec<(ColumnId, ScalarId)> = Vec::new();
        for name in columns {
            exprs.push((self.id(name), self.col(name)));
        }
        exprs.extend(more);
        Plan::Project { input: Box::new(input), exprs }
    }

    pub(crate) fn agg(
        &mut self,
        function: AggregateFunction,
        args: &[ScalarId],
        data_type: DataType,
        hint: &str,
    ) -> (ColumnId, AggregateCall) {
        let call = AggregateCall {
            function,
            is_distinct: false,
            args: args.iter().copied().collect(),
            filter: None,
            order: Vec::new(),
            data_type,
        };
        (self.arena.aggregate_column(&call, hint), call)
    }

    /// Grouped by plain columns.
    pub(crate) fn group(&mut self, input: Plan, keys: &[&str], calls: &[(ColumnId, AggregateCall)]) -> Plan {
        let keys = keys.iter().map(|name| (self.id(name), self.col(name))).collect();
        Plan::Aggregate { input: Box::new(input), keys, calls: calls.to_vec() }
    }

    #[allow(clippy::too_many_arguments, reason = "one argument a part of a window call")]
    pub(crate) fn window(
        &mut self,
        function: WindowFunction,
        args: &[ScalarId],
        partition: &[ScalarId],
        order: &[SortKey],
        frame: Frame,
        data_type: DataType,
        hint: &str,
    ) -> (ColumnId, WindowCall) {
        let call = WindowCall {
            function,
            args: args.iter().copied().collect(),
            filter: None,
            is_ignoring_nulls: false,
            partition: partition.iter().copied().collect::<Args>(),
            order: order.to_vec(),
            frame,
            data_type,
        };
        (self.arena.window_column(&call, hint), call)
    }

    pub(crate) fn row_number(&mut self, partition: &str, order: SortKey) -> (ColumnId, WindowCall) {
        let partition = self.col(partition);
        let function = WindowFunction::Ranking(RankingFunction::RowNumber);
        self.window(function, &[], &[partition], &[order], Frame::ORDERED, DataType::Int64, "rn")
    }

    pub(crate) fn output(&self, plan: Plan, columns: &[(&str, ColumnId)]) -> Output {
        let columns = columns.iter().map(|(name, column)| OutputColumn {
            name: Arc::from(*name),
            column: *column,
            is_nullable: true,
        });
        Output { plan, columns: columns.collect() }
    }

    /// An output of one projected scalar over `events`.
    pub(crate) fn scalar_output(&mut self, scalar: ScalarId) -> Output {
        let (id, scalar) = self.computed(scalar, "x");
        let scan = self.scan("events");
        let plan = Plan::Project { input: Box::new(scan), exprs: vec![(id, scalar)] };
        self.output(plan, &[("x", id)])
    }
}

pub(crate) fn filter(input: Plan, holds: &[ScalarId]) -> Plan {
    Plan::Filter { input: Box::new(input), holds: holds.to_vec() }
}

pub(crate) fn join(kind: JoinKind, left: Plan, right: Plan, on: &[ScalarId]) -> Plan {
    Plan::Join { kind, left: Box::new(left), right: Box::new(right), on: on.to_vec() }
}

pub(crate) fn instance(input: Plan, k: u32) -> Plan {
    Plan::Instance { input: Box::new(input), k }
}

pub(crate) fn named(input: Plan, name: &str) -> Plan {
    Plan::Named { input: Box::new(input), name: Arc::from(name), span: Span::default() }
}

pub(crate) fn sort(input: Plan, keys: &[SortKey]) -> Plan {
    Plan::Sort { input: Box::new(input), keys: keys.to_vec() }
}

pub(crate) fn limit(input: Plan, skip: u64, fetch: Option<u64>) -> Plan {
    Plan::Limit { input: Box::new(input), skip, fetch }
}

pub(crate) fn distinct(input: Plan) -> Plan {
    Plan::Distinct { input: Box::new(input) }
}

pub(crate) fn with_window(input: Plan, calls: &[(ColumnId, WindowCall)]) -> Plan {
    Plan::Window { input: Box::new(input), calls: calls.to_vec() }
}

pub(crate) fn set_op(kind: SetOpKind, inputs: Vec<(Plan, Vec<ColumnId>)>, columns: Vec<ColumnId>) -> Plan {
    Plan::SetOp { kind, inputs, columns }
}

pub(crate) fn asc(scalar: ScalarId) -> SortKey {
    SortKey { scalar, is_descending: false, is_nulls_first: false }
}

pub(crate) fn desc(scalar: ScalarId) -> SortKey {
    SortKey { scalar, is_descending: true, is_nulls_first: false }
}

/// A scalar as it is.
pub(crate) fn node(arena: &mut Arena, scalar: Scalar) -> ScalarId {
    arena.scalar(scalar)
}
