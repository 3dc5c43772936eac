//! Golden plans, refusals and determinism.

mod summary;

use expect_test::{Expect, expect};
use isomer_ir::{
    AggregateCall, AggregateFunction, Arena, Catalog, Column, ColumnId, DataType, Frame, FrameUnit, Function, JoinKind,
    Literal, Output, OutputColumn, Plan, RankingFunction, Scalar, ScalarId, SortKey, Table, WindowCall, WindowFunction,
};
use prost::Message;
use substrait::proto::plan_rel;

use self::summary::summary;
use super::{check_substrait, to_substrait};

/// An arena with the tables `orders(id, customer, price, note)` and `customers(id, name, flags)`.
struct World {
    arena: Arena,
    catalog: Catalog,
}

const PRICE: DataType = DataType::Decimal { precision: 15, scale: 2 };

impl World {
    fn new() -> Self {
        let mut catalog = Catalog::default();
        let orders =
            [("id", DataType::Int32), ("customer", DataType::Int32), ("price", PRICE), ("note", DataType::Text)];
        catalog.insert(table("orders", &orders));
        let customers = [("id", DataType::Int32), ("name", DataType::Text), ("flags", DataType::UInt8)];
        catalog.insert(table("customers", &customers));
        Self { arena: Arena::default(), catalog }
    }

    fn id(&mut self, table: &str, column: &str) -> ColumnId {
        let table = self.catalog.get(table).unwrap();
        let column = &table.columns[table.position(column).unwrap()];
        self.arena.base_column(&table.key, &column.key, column.data_type)
    }

    fn column(&mut self, table: &str, column: &str) -> ScalarId {
        let id = self.id(table, column);
        self.arena.column_ref(id)
    }

    fn scan(&mut self, key: &str) -> Plan {
        let table = self.catalog.get(key).unwrap().clone();
        let columns = table
            .columns
            .iter()
            .map(|column| self.arena.base_column(&table.key, &column.key, column.data_type))
            .collect();
        Plan::Scan { table: table.key, columns }
    }

    fn int(&mut self, value: i128) -> ScalarId {
        self.arena.literal(Literal::Int(value, DataType::Int32))
    }

    fn sum(&mut self, arg: ScalarId, data_type: DataType) -> (ColumnId, AggregateCall) {
        let call = AggregateCall {
            function: AggregateFunction::Sum,
            is_distinct: false,
            args: [arg].into_iter().collect(),
            filter: None,
            order: Vec::new(),
            data_type,
        };
        (self.arena.aggregate_column(&call, "total"), call)
    }

    /// `orders JOIN customers ON customer = customers.id`.
    fn join(&mut self, kind: JoinKind) -> Plan {
        let (left, right) = (self.scan("orders"), self.scan("customers"));
        let keys = [self.column("orders", "customer"), self.column("customers", "id")];
        let on = vec![self.arena.predicate(Function::Eq, keys)];
        Plan::Join { kind, left: left.into(), right: right.into(), on }
    }

    /// The plan of one computed column over `orders`.
    fn computed(&mut self, scalar: ScalarId) -> Output {
        let id = self.arena.computed_column(scalar, "value");
        let plan = Plan::Project { input: self.scan("orders").into(), exprs: vec![(id, scalar)] };
        output(plan, &[("value", id)])
    }

    #[track_caller]
    fn check(&mut self, output: &Output, expect: &Expect) {
        let bytes = to_substrait(output, &mut self.arena, &self.catalog).unwrap();
        assert_eq!(check_substrait(&bytes), Vec::<String>::new());
        for _ in 0..10 {
            assert_eq!(
                to_substrait(output, &mut self.arena, &self.catalog).unwrap(),
                bytes,
                "the bytes are one plan's"
            );
        }
        expect.assert_eq(&summary(&bytes));
    }

    #[track_caller]
    fn refuses(&mut self, output: &Output, expect: &Expect) {
        let error = to_substrait(output, &mut self.arena, &self.catalog).unwrap_err();
        expect.assert_eq(&error.to_string());
    }
}

fn table(key: &str, columns: &[(&str, DataType)]) -> Table {
    let column = |(name, data_type): &(&str, DataType)| Column {
        name: (*name).into(),
        key: (*name).into(),
        data_type: *data_type,
        is_nullable: true,
        n_distinct: None,
    };
    Table {
        key: key.into(),
        sql_name: format!("shop.{key}").into(),
        columns: columns.iter().map(column).collect(),
        keys: Vec::new(),
        foreign_keys: Vec::new(),
        n_rows: None,
    }
}

fn output(plan: Plan, columns: &[(&str, ColumnId)]) -> Output {
    let column =
        |(name, column): &(&str, ColumnId)| OutputColumn { name: (*name).into(), column: *column, is_nullable: true };
    Output { plan, columns: columns.iter().map(column).collect() }
}

#[test]
fn a_filter_reads_only_the_needed_columns() {
    let mut world = World::new();
    let (price, limit) = (world.column("orders", "price"), world.int(10));
    let holds = vec![world.arena.predicate(Function::Gt, [price, limit])];
    let plan = Plan::Filter { input: world.scan("orders").into(), holds };
    let id = world.id("orders", "id");
    world.check(
        &output(plan, &[("order_id", id)]),
        &expect![[r#"
            1 extension:io.substrait:functions_comparison
            #1 gt:any_any of 1
            root [order_id]
            project emit [0]
              filter gt($1, cast(10))
                read shop.orders [id, customer, price, note] emit [0, 2]
        "#]],
    );
}

#[test]
fn sums_of_wide_integers_are_decimals() {
    let mut world = World::new();
    let customer = world.column("orders", "customer");
    let key = world.id("orders", "customer");
    let price = world.column("orders", "price");
    let wide = world.arena.cast(customer, DataType::Int64);
    let calls = vec![
        world.sum(customer, DataType::Int128),
        world.sum(wide, DataType::Int128),
        world.sum(price, DataType::Decimal { precision: 38, scale: 2 }),
    ];
    let columns = [("customer", key), ("a", calls[0].0), ("b", calls[1].0), ("c", calls[2].0)];
    let plan = Plan::Aggregate { input: world.scan("orders").into(), keys: vec![(key, customer)], calls };
    world.check(
        &output(plan, &columns),
        &expect![[r#"
            1 extension:io.substrait:functions_arithmetic
            2 extension:io.substrait:functions_arithmetic_decimal
            #1 sum:i64 of 1
            #2 sum:dec of 2
            root [customer, a, b, c]
            project cast($1), cast($3) emit [0, 4, 2, 5]
              aggregate [0] by $0: sum($2), sum($3), sum($1)
                project cast($0), cast(cast($0))
                  read shop.orders [id, customer, price, note] emit [1, 2]
        "#]],
    );
}

#[test]
fn an_extreme_is_the_first_value_by_its_key_where_neither_is_null() {
    let mut world = World::new();
    let (note, price) = (world.column("orders", "note"), world.column("orders", "price"));
    let key = world.id("orders", "customer");
    let customer = world.column("orders", "customer");
    let call = |function| AggregateCall {
        function,
        is_distinct: false,
        args: [note, price].into_iter().collect(),
        filter: None,
        order: Vec::new(),
        data_type: DataType::Text,
    };
    let calls: Vec<(ColumnId, AggregateCall)> = [AggregateFunction::ArgMin, AggregateFunction::ArgMax]
        .map(|function| (world.arena.aggregate_column(&call(function), "note"), call(function)))
        .to_vec();
    let columns = [("customer", key), ("least", calls[0].0), ("greatest", calls[1].0)];
    let plan = Plan::Aggregate { input: world.scan("orders").into(), keys: vec![(key, customer)], calls };
    world.check(&output(plan, &columns), &expect![[r#"
        1 extension:io.substrait:functions_comparison
        2 extension:io.substrait:functions_boolean
        3 extension:isomer:functions
        #1 is_not_null:any of 1
        #2 and:bool of 2
        #3 first_value:str of 3
        root [customer, least, greatest]
        aggregate [0] by $0: first_value($2) by $1 SORT_DIRECTION_ASC_NULLS_LAST where $3, first_value($2) by $1 SORT_DIRECTION_DESC_NULLS_LAST where $3
          project and(is_not_null($2), is_not_null($1))
            read shop.orders [id, customer, price, note] emit [1, 2, 3]
    "#]]);
}

#[test]
fn estimates_are_cast_from_unsigned_counts() {
    let mut world = World::new();
    let (note, price) = (world.column("orders", "note"), world.column("orders", "price"));
    let call = |arg| AggregateCall {
        function: AggregateFunction::ApproxCountDistinct,
        is_distinct: false,
        args: [arg].into_iter().collect(),
        filter: None,
        order: Vec::new(),
        data_type: DataType::Int64,
    };
    let mut estimate = |arg| {
        let id = world.arena.aggregate_column(&call(arg), "n");
        let plan =
            Plan::Aggregate { input: world.scan("orders").into(), keys: Vec::new(), calls: vec![(id, call(arg))] };
        output(plan, &[("n", id)])
    };
    let (texts, decimals) = (estimate(note), estimate(price));
    world.check(
        &texts,
        &expect![[r#"
        1 extension:isomer:functions
        #1 approx_distinct:str of 1
        root [n]
        project cast($0) emit [1]
          aggregate [] by : approx_distinct($0)
            read shop.orders [id, customer, price, note] emit [3]
    "#]],
    );
    world.refuses(&decimals, &expect!["[GEN-0102] the aggregate `approx_count_distinct` in a Substrait plan has no correct spelling in datafusion; cast the argument to text, or use count(distinct)"]);
}

#[test]
fn joins() {
    let mut world = World::new();
    let (note, name) = (world.id("orders", "note"), world.id("customers", "name"));
    let inner = world.join(JoinKind::Inner);
    world.check(
        &output(inner, &[("note", note), ("name", name)]),
        &expect![[r#"
            1 extension:io.substrait:functions_comparison
            #1 equal:any_any of 1
            root [note, name]
            project emit [1, 3]
              join inner equal($0, $2)
                read shop.orders [id, customer, price, note] emit [1, 3]
                read shop.customers [id, name]
        "#]],
    );
    let anti = world.join(JoinKind::AntiNullAware);
    world.check(
        &output(anti, &[("note", note)]),
        &expect![[r#"
            1 extension:io.substrait:functions_comparison
            #1 equal:any_any of 1
            #2 is_not_false:bool of 1
            root [note]
            project emit [1]
              join left_anti is_not_false(equal($0, $2))
                read shop.orders [id, customer, price, note] emit [1, 3]
                read shop.customers [id, name] emit [0]
        "#]],
    );
    let single = world.join(JoinKind::Single);
    world.refuses(
        &output(single, &[("note", note)]),
        &expect!["[GEN-0103] a scalar subquery that may give several rows in a Substrait plan has no correct spelling in datafusion; aggregate the subquery, or group it by the columns that it is correlated with"],
    );
}

#[test]
fn windows_stand_in_projections() {
    let mut world = World::new();
    let (customer, price, id) =
        (world.column("orders", "customer"), world.column("orders", "price"), world.id("orders", "id"));
    let number = WindowCall {
        function: WindowFunction::Ranking(RankingFunction::RowNumber),
        args: isomer_ir::Args::new(),
        filter: None,
        is_ignoring_nulls: false,
        partition: [customer].into_iter().collect(),
        order: vec![SortKey { scalar: price, is_descending: true, is_nulls_first: false }],
        frame: Frame::ORDERED,
        data_type: DataType::Int64,
    };
    let of = |world: &mut World, call: &WindowCall| {
        let column = world.arena.window_column(call, "n");
        let plan = Plan::Window { input: world.scan("orders").into(), calls: vec![(column, call.clone())] };
        output(plan, &[("id", id), ("n", column)])
    };
    let plan = of(&mut world, &number);
    world.check(
        &plan,
        &expect![[r#"
            1 extension:io.substrait:functions_arithmetic
            #1 row_number: of 1
            root [id, n]
            project emit [0, 3]
              project cast($3) emit [0, 1, 2, 4]
                project row_number() over ($1)
                  read shop.orders [id, customer, price, note] emit [0, 1, 2]
        "#]],
    );
    let groups = WindowCall { frame: Frame { unit: FrameUnit::Groups, ..Frame::ORDERED }, ..number.clone() };
    let plan = of(&mut world, &groups);
    world.refuses(
        &plan,
        &expect!["[GEN-0102] a window frame of `GROUPS` in a Substrait plan has no correct spelling in datafusion; Substrait counts frames in rows or values"],
    );
    let lag = WindowCall {
        function: WindowFunction::Ranking(RankingFunction::Lag),
        args: [price].into_iter().collect(),
        is_ignoring_nulls: true,
        data_type: PRICE,
        ..number
    };
    let plan = of(&mut world, &lag);
    world.refuses(
        &plan,
        &expect!["[GEN-0102] `IGNORE NULLS` of `lag` in a Substrait plan has no correct spelling in datafusion; DataFusion's Substrait reader drops it; run the model as SQL"],
    );
}

#[test]
fn divisions_by_zero_are_null() {
    let mut world = World::new();
    let (id, customer, three) = (world.column("orders", "id"), world.column("orders", "customer"), world.int(3));
    let by_column = world.arena.call(Function::Modulo, [id, customer], DataType::Int32);
    let plan = world.computed(by_column);
    world.check(
        &plan,
        &expect![[r#"
            1 extension:io.substrait:functions_comparison
            2 extension:io.substrait:functions_arithmetic
            #1 nullif:any_any of 1
            #2 modulus:i32_i32 of 2
            root [value]
            project modulus($0, nullif($1, 0)) emit [2]
              read shop.orders [id, customer, price, note] emit [0, 1]
        "#]],
    );
    let by_three = world.arena.call(Function::Modulo, [id, three], DataType::Int32);
    let plan = world.computed(by_three);
    world.check(
        &plan,
        &expect![[r#"
            1 extension:io.substrait:functions_arithmetic
            #1 modulus:i32_i32 of 1
            root [value]
            project modulus($0, 3) emit [1]
              read shop.orders [id, customer, price, note] emit [0]
        "#]],
    );
}

#[test]
fn what_the_consumer_reads_otherwise_is_refused() {
    let mut world = World::new();
    let (note, price, zero) = (world.column("orders", "note"), world.column("orders", "price"), world.int(0));
    let before_one = world.arena.call(Function::Substring, [note, zero], DataType::Text);
    let plan = world.computed(before_one);
    world.refuses(
        &plan,
        &expect!["[GEN-0102] the function `substring` in a Substrait plan has no correct spelling in datafusion; start at a constant of 1 or more: engines count from other ends below it"],
    );
    let pattern = world.arena.predicate(Function::Like, [note, note]);
    let plan = world.computed(pattern);
    world.refuses(
        &plan,
        &expect!["[GEN-0102] the function `like` in a Substrait plan has no correct spelling in datafusion; write the pattern as a constant, or escape with a backslash"],
    );
    let quotient = world.arena.call(Function::Divide, [price, price], DataType::Decimal { precision: 38, scale: 10 });
    let plan = world.computed(quotient);
    world.refuses(
        &plan,
        &expect!["[GEN-0102] the function `divide` in a Substrait plan has no correct spelling in datafusion; cast the operands to double, or to decimals of one scale"],
    );
    let customers = world.scan("customers");
    let flags = world.id("customers", "flags");
    world.refuses(
        &output(customers, &[("flags", flags)]),
        &expect!["[GEN-0101] a value of type `uint8` in a Substrait plan has no correct spelling in datafusion; Substrait has no unsigned integers; cast the column to a signed type"],
    );
}

#[test]
fn deep_plans_are_refused_and_wide_ones_are_not() {
    let mut world = World::new();
    let id = world.column("orders", "id");
    let mut deep = id;
    for value in 0..50_000 {
        let value = world.int(value);
        deep = world.arena.call(Function::Subtract, [deep, value], DataType::Int32);
    }
    let plan = world.computed(deep);
    world.refuses(
        &plan,
        &expect!["[GEN-0104] a plan of more than 100 nested messages in a Substrait plan has no correct spelling in datafusion; split the model, or write it as SQL"],
    );
    let values: Vec<ScalarId> = (0..50_000).map(|value| world.int(value)).collect();
    let equalities: Vec<ScalarId> =
        values.iter().map(|value| world.arena.predicate(Function::Eq, [id, *value])).collect();
    let wide = world.arena.or(equalities);
    let list = world.arena.in_list(id, values);
    let both = world.arena.and([wide, list]);
    let plan = world.computed(both);
    assert!(to_substrait(&plan, &mut world.arena, &world.catalog).is_ok());
}

#[test]
fn shared_operands_are_not_written_out_without_bound() {
    let mut world = World::new();
    let mut doubled = world.column("orders", "id");
    for _ in 0..64 {
        doubled = world.arena.call(Function::Add, [doubled, doubled], DataType::Int32);
    }
    let plan = world.computed(doubled);
    world.refuses(
        &plan,
        &expect!["[GEN-0104] an expression of more than two million nodes in a Substrait plan has no correct spelling in datafusion; split the model"],
    );
}

#[test]
fn the_checker_finds_what_is_broken() {
    let mut world = World::new();
    let id = world.id("orders", "id");
    let scan = world.scan("orders");
    let bytes = to_substrait(&output(scan, &[("id", id)]), &mut world.arena, &world.catalog).unwrap();
    let mut plan = substrait::proto::Plan::decode(bytes.as_slice()).unwrap();
    if let Some(plan_rel::RelType::Root(root)) = &mut plan.relations[0].rel_type {
        root.names.push("another".to_owned());
    }
    assert_eq!(check_substrait(&plan.encode_to_vec()), ["2 names for 1 fields"]);
    plan.relations.clear();
    assert_eq!(check_substrait(&plan.encode_to_vec()), ["0 roots"]);
    assert_eq!(check_substrait(&[7, 7]).len(), 1);
}

#[test]
fn scalars_of_no_row_are_refused() {
    let mut world = World::new();
    let id = world.id("orders", "id");
    let outer = world.arena.scalar(Scalar::Outer(id));
    let plan = world.computed(outer);
    world.refuses(
        &plan,
        &expect!["[GEN-0103] a correlated subquery in a Substrait plan has no correct spelling in datafusion; write the subquery as a join"],
    );
}
