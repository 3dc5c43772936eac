//! The schema of a real PostgreSQL server: what holds of its rows is read as a fact, and nothing else.
//!
//! Left out, with the reason told, where no PostgreSQL is installed.

use std::fmt::Write as _;

use isomer_engines::{Postgres, catalog_of_postgres};
use isomer_ir::Table;
use isomer_tests::postgres::Server;

const SCHEMA: &str = r#"
CREATE SCHEMA raw;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE customers (
    id integer PRIMARY KEY, "Full Name" text NOT NULL, gone int, email varchar(40) UNIQUE, score numeric,
    paid numeric(12, 2), at timestamptz, on_day date, tags text[], feeling mood, code char(3), doc jsonb);
ALTER TABLE customers DROP COLUMN gone;
CREATE TABLE raw.orders (
    id bigint, line smallint, customer int NOT NULL REFERENCES customers, other int REFERENCES customers (id),
    PRIMARY KEY (line, id), CHECK (line > 0));
CREATE TABLE raw.returns (order_line smallint, order_id bigint,
    FOREIGN KEY (order_line, order_id) REFERENCES raw.orders (line, id));
CREATE TABLE raw.late (customer int);
ALTER TABLE raw.late ADD FOREIGN KEY (customer) REFERENCES customers NOT VALID;
CREATE UNIQUE INDEX ON raw.late (customer) WHERE customer > 0;
CREATE TABLE parents (id int PRIMARY KEY);
CREATE TABLE children () INHERITS (parents);
CREATE TABLE days (day date NOT NULL, n int, PRIMARY KEY (day)) PARTITION BY RANGE (day);
CREATE TABLE days_2024 PARTITION OF days FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE VIEW names AS SELECT id, "Full Name" AS name FROM customers;
INSERT INTO customers (id, "Full Name") SELECT n, 'x' FROM generate_series(1, 7) AS g (n);
ANALYZE customers
"#;

const EXPECTED: &str = r#"children: id int32!
customers: id int32!, Full Name text!, email text, score unknown, paid decimal(12, 2), at timestamptz, on_day date, tags list(text), feeling unknown, code unknown, doc json; key id; key email; 7 rows
days: day date!, n int32; key day
days_2024: day date!, n int32; key day
names: id int32, name text
parents: id int32!
raw.late: customer int32
raw.orders: id int64!, line int16!, customer int32!, other int32; key id line; customer -> customers id; other -> customers id
raw.returns: order_line int16, order_id int64; order_line order_id -> raw.orders line id
"#;

fn shown(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        let mark = |is_nullable| if is_nullable { "" } else { "!" };
        let names =
            |positions: &[usize]| positions.iter().map(|&at| &*table.columns[at].name).collect::<Vec<_>>().join(" ");
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("{} {}{}", column.name, column.data_type, mark(column.is_nullable)))
            .collect();
        let _ = write!(text, "{}: {}", table.sql_name, columns.join(", "));
        for key in &table.keys {
            let _ = write!(text, "; key {}", names(&key.columns));
        }
        for key in &table.foreign_keys {
            let _ = write!(text, "; {} -> {} {}", names(&key.columns), key.table, key.referred.join(" "));
        }
        if let Some(n_rows) = table.n_rows {
            let _ = write!(text, "; {n_rows} rows");
        }
        text.push('\n');
    }
    text
}

#[test]
fn facts_are_those_that_hold_of_the_rows() {
    let Some(server) = Server::or_told() else { return };
    let statements: Vec<&str> = SCHEMA.split(';').collect();
    let told: Vec<String> =
        server.client.run(&statements).expect("the server answers").into_iter().filter_map(Result::err).collect();
    assert!(told.is_empty(), "{told:?}");
    let named = Postgres::named(&server.url()).expect("the name of a server");
    let tables = catalog_of_postgres(&named).expect("the schema is read");
    assert_eq!(shown(&tables), EXPECTED);
}

#[test]
fn a_file_is_no_server_and_a_server_that_is_not_there_is_told() {
    assert!(Postgres::named("data/postgresql.duckdb").is_none());
    let absent = Postgres::named("postgresql:///x?host=/nowhere").expect("the name of a server");
    let told = catalog_of_postgres(&absent).expect_err("nothing answers").to_string();
    assert!(told.contains("postgresql cannot connect") || told.contains("psql"), "{told}");
}
