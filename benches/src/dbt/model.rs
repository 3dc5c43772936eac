//! One model: imports, then steps, each a common table expression over the one before it.

use super::flavour::Flavour;
use super::random::Random;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    Int,
    /// A small amount, with which is reckoned.
    Money,
    /// A sum, with which is not: a product would not fit.
    Total,
    Text,
    Date,
    Time,
    Flag,
}

/// A column of a relation.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// A relation as SQL names it.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

/// The state of a model that is written.
struct Writer<'a> {
    flavour: Flavour,
    random: &'a mut Random,
    /// Common table expressions so far, as text.
    ctes: Vec<String>,
    /// The last one.
    last: Relation,
    n_names: usize,
    /// Names of the imports' columns, which no new column takes.
    taken: Vec<String>,
}

/// The text of a model over its upstream relations, and its columns.
pub(super) fn write(
    upstream: &[&Relation],
    layer: usize,
    flavour: Flavour,
    random: &mut Random,
) -> (String, Vec<Column>) {
    let mut ctes = Vec::new();
    let mut imports = Vec::new();
    for (number, relation) in upstream.iter().enumerate() {
        let name = format!("import_{number}");
        ctes.push(format!("{name} as (\n\n    select * from {}\n\n)", relation.name));
        imports.push(Relation { name, columns: relation.columns.clone() });
    }
    let last = imports[0].clone();
    let taken =
        upstream.iter().flat_map(|relation| relation.columns.iter().map(|column| column.name.clone())).collect();
    let mut writer = Writer { flavour, random, ctes, last, n_names: 0, taken };
    for other in &imports[1..] {
        writer.join(other);
    }
    let n_steps = 3 + writer.random.below(3);
    for _ in 0..n_steps {
        writer.step(layer, &imports);
    }
    if layer == 2 {
        writer.aggregate();
    }
    writer.narrow();
    let columns = writer.last.columns.clone();
    let list: Vec<String> = columns.iter().map(|column| format!("        {}", column.name)).collect();
    writer.ctes.push(format!("final as (\n\n    select\n{}\n    from {}\n\n)", list.join(",\n"), writer.last.name));
    let text = format!("with\n\n{}\n\nselect * from final", writer.ctes.join(",\n\n"));
    (text, columns)
}

impl Writer<'_> {
    fn step(&mut self, layer: usize, imports: &[Relation]) {
        match self.random.below(100) {
            0..22 => self.compute(),
            22..38 => self.filter(),
            38..50 => self.first_of_each(),
            50..62 => self.windows(),
            62..68 => self.all_but_one(),
            68..74 => self.both_halves(),
            74..80 => self.matching(imports),
            80..84 => self.distinct(),
            84..88 if layer > 0 => self.aggregate(),
            88..92 => self.lateral(),
            92..95 => self.against_average(),
            95..97 if layer > 0 => self.grouping_sets(),
            97..98 => self.pivot(),
            _ => self.compute(),
        }
    }

    fn of(&mut self, kinds: &[Kind]) -> Option<String> {
        let fitting: Vec<&Column> = self.last.columns.iter().filter(|column| kinds.contains(&column.kind)).collect();
        (!fitting.is_empty()).then(|| self.random.pick(&fitting).name.clone())
    }

    fn name(&mut self, stem: &str) -> String {
        loop {
            self.n_names += 1;
            let name = format!("{stem}_{}", self.n_names);
            if !self.taken.contains(&name) {
                return name;
            }
        }
    }

    /// Adds a common table expression and goes on from it.
    fn push(&mut self, stem: &str, body: &str, columns: Vec<Column>) {
        let name = self.name(stem);
        self.ctes.push(format!("{name} as (\n\n{body}\n\n)"));
        self.last = Relation { name, columns };
    }

    /// All columns in an order that leaves no ties but of equal rows.
    fn whole_order(&self, first: &str) -> String {
        let rest = self.last.columns.iter().map(|column| column.name.as_str()).filter(|name| *name != first);
        std::iter::once(first).chain(rest).collect::<Vec<_>>().join(", ")
    }

    fn condition(&mut self) -> String {
        let (kind, name) = {
            let columns = &self.last.columns;
            let column = &columns[self.random.below(columns.len())];
            (column.kind, column.name.clone())
        };
        match kind {
            Kind::Key => format!("{name} is not null"),
            Kind::Int => format!("{name} between {} and {}", self.random.below(20), 30 + self.random.below(500)),
            Kind::Money | Kind::Total => format!("coalesce({name}, 0) >= {}", self.random.below(40)),
            Kind::Text => match self.random.below(4) {
                0 => format!("{name} in ('a', 'b', 'value_1', 'value_2')"),
                1 => format!("lower({name}) not like '%{}%'", self.random.below(10)),
                2 => format!("{name} is not null"),
                _ => format!("length(trim({name})) > {}", self.random.below(3)),
            },
            Kind::Date => format!("{name} >= {}", self.flavour.cast("'2020-01-01'", Kind::Date, false)),
            Kind::Time => format!("{name} is not null"),
            Kind::Flag => format!("not coalesce({name}, false)"),
        }
    }

    fn filter(&mut self) {
        let mut conditions = vec![self.condition()];
        while self.random.one_in(2) {
            conditions.push(self.condition());
        }
        let body = format!(
            "    -- rows that count\n    select *\n    from {}\n    where {}",
            self.last.name,
            conditions.join("\n      and ")
        );
        let columns = self.last.columns.clone();
        self.push("filtered", &body, columns);
    }

    fn compute(&mut self) {
        let mut columns = self.last.columns.clone();
        let mut items = vec!["        *".to_owned()];
        for _ in 0..2 + self.random.below(4) {
            let Some((sql, kind, stem)) = self.expression() else { continue };
            let name = self.name(stem);
            items.push(format!("        {sql} as {name}"));
            columns.push(Column { name, kind });
        }
        let body = format!("    select\n{}\n    from {}", items.join(",\n"), self.last.name);
        self.push("computed", &body, columns);
    }

    fn expression(&mut self) -> Option<(String, Kind, &'static str)> {
        let flavour = self.flavour;
        Some(match self.random.below(40) {
            0..3 => (format!("coalesce({}, 0)", self.of(&[Kind::Int])?), Kind::Int, "units"),
            3..8 => {
                let (condition, text) = (self.condition(), self.of(&[Kind::Text])?);
                let other = self.condition();
                (
                    format!(
                        "case\n            when {condition} then 'low'\n            when {other} then {text}\n            else 'high'\n        end"
                    ),
                    Kind::Text,
                    "band",
                )
            }
            8..11 => (flavour.month(&self.of(&[Kind::Date])?), Kind::Date, "month"),
            11..15 => (format!("upper(trim({}))", self.of(&[Kind::Text])?), Kind::Text, "label"),
            15..18 => {
                let (one, other) = (self.of(&[Kind::Text])?, self.of(&[Kind::Text])?);
                (format!("concat({one}, '-', {other})"), Kind::Text, "pair")
            }
            18..21 => (format!("nullif({}, '')", self.of(&[Kind::Text])?), Kind::Text, "text"),
            21..24 => (flavour.cast(&self.of(&[Kind::Time])?, Kind::Date, false), Kind::Date, "day"),
            24..27 => {
                let (from, to) = (self.of(&[Kind::Date])?, self.of(&[Kind::Date])?);
                (flavour.days_between(&from, &to), Kind::Key, "days")
            }
            27..29 => (format!("round({}, 1)", self.of(&[Kind::Money])?), Kind::Total, "rounded"),
            29..31 => (flavour.cast(&self.of(&[Kind::Text])?, Kind::Int, true), Kind::Int, "number"),
            31..33 => (flavour.later(&self.of(&[Kind::Date])?, 1 + self.random.below(30)), Kind::Date, "due"),
            33..36 => {
                let condition = self.condition();
                (flavour.either(&condition, "1", "0"), Kind::Int, "flag")
            }
            36 => (flavour.digits_of(&self.of(&[Kind::Text])?), Kind::Text, "digits"),
            _ => (format!("substring({}, 1, 3)", self.of(&[Kind::Text])?), Kind::Text, "prefix"),
        })
    }

    fn first_of_each(&mut self) {
        let Some(key) = self.of(&[Kind::Key, Kind::Text]) else { return self.filter() };
        let order = self.whole_order(&self.last.columns[0].name.clone());
        let body = format!(
            "    select *\n    from {}\n    qualify row_number() over (partition by {key} order by {order}) = 1",
            self.last.name
        );
        let columns = self.last.columns.clone();
        self.push("deduplicated", &body, columns);
    }

    fn windows(&mut self) {
        let Some(key) = self.of(&[Kind::Key, Kind::Text]) else { return self.filter() };
        let Some(number) = self.of(&[Kind::Int]) else { return self.filter() };
        let order = self.whole_order(&number);
        let mut columns = self.last.columns.clone();
        let mut items = vec!["        *".to_owned()];
        let calls = [
            (format!("sum({number}) over (partition by {key})"), Kind::Total, "of_group"),
            (format!("lag({number}) over (partition by {key} order by {order})"), Kind::Int, "before"),
            (format!("rank() over (partition by {key} order by {number} desc)"), Kind::Key, "rank"),
            (format!("count(*) over (partition by {key})"), Kind::Key, "group_size"),
            (
                format!(
                    "max({number}) over (partition by {key} order by {order} rows between unbounded preceding and current row)"
                ),
                Kind::Int,
                "so_far",
            ),
        ];
        for _ in 0..1 + self.random.below(3) {
            let (sql, kind, stem) = self.random.pick(&calls).clone();
            let name = self.name(stem);
            items.push(format!("        {sql} as {name}"));
            columns.push(Column { name, kind });
        }
        let body = format!("    select\n{}\n    from {}", items.join(",\n"), self.last.name);
        self.push("windowed", &body, columns);
    }

    fn all_but_one(&mut self) {
        if self.last.columns.len() < 4 {
            return self.filter();
        }
        let at = 1 + self.random.below(self.last.columns.len() - 1);
        let mut columns = self.last.columns.clone();
        let gone = columns.remove(at);
        let body = format!("    select {}\n    from {}", self.flavour.all_but(&gone.name), self.last.name);
        self.push("narrowed", &body, columns);
    }

    fn both_halves(&mut self) {
        let (one, other) = (self.condition(), self.condition());
        let from = &self.last.name;
        let body =
            format!("    select * from {from} where {one}\n\n    union all\n\n    select * from {from} where {other}");
        let columns = self.last.columns.clone();
        self.push("unioned", &body, columns);
    }

    fn matching(&mut self, imports: &[Relation]) {
        let other = self.random.pick(imports).clone();
        let theirs: Vec<&Column> = other.columns.iter().filter(|column| column.kind == Kind::Key).collect();
        let Some(own) = self.of(&[Kind::Key]) else { return self.filter() };
        let Some(their) = theirs.first() else { return self.filter() };
        let test = match self.random.below(3) {
            0 => format!("{own} in (select {} from {})", their.name, other.name),
            1 => format!("exists (\n        select 1 from {} as o where o.{} = t.{own}\n    )", other.name, their.name),
            _ => format!(
                "not exists (\n        select 1 from {} as o where o.{} = t.{own}\n    )",
                other.name, their.name
            ),
        };
        let body = format!("    select t.*\n    from {} as t\n    where {test}", self.last.name);
        let columns = self.last.columns.clone();
        self.push("matched", &body, columns);
    }

    fn distinct(&mut self) {
        let columns: Vec<Column> = self.last.columns.iter().take(6).cloned().collect();
        let list: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let body = format!("    select distinct {}\n    from {}", list.join(", "), self.last.name);
        self.push("distinct_rows", &body, columns);
    }

    fn lateral(&mut self) {
        let Some(money) = self.of(&[Kind::Int]) else { return self.compute() };
        let mut columns = self.last.columns.clone();
        let (net, doubled) = (self.name("net"), self.name("doubled"));
        let first = format!("coalesce({money}, 0) + 1");
        let second = if self.flavour.has_lateral_aliases() { format!("{net} * 2") } else { format!("({first}) * 2") };
        let body = format!(
            "    select\n        *,\n        {first} as {net},\n        {second} as {doubled}\n    from {}",
            self.last.name
        );
        columns.push(Column { name: net, kind: Kind::Key });
        columns.push(Column { name: doubled, kind: Kind::Key });
        self.push("derived", &body, columns);
    }

    fn against_average(&mut self) {
        let Some(number) = self.of(&[Kind::Int]) else { return self.filter() };
        let from = self.last.name.clone();
        let body = format!("    select *\n    from {from}\n    where {number} >= (select min({number}) from {from})");
        let columns = self.last.columns.clone();
        self.push("above", &body, columns);
    }

    /// Aggregates by one or two columns.
    fn aggregate(&mut self) {
        let mut keys: Vec<Column> = Vec::new();
        for kinds in [&[Kind::Text, Kind::Date][..], &[Kind::Key, Kind::Date, Kind::Text][..]] {
            if let Some(name) = self.of(kinds)
                && !keys.iter().any(|key| key.name == name)
            {
                keys.extend(self.last.columns.iter().find(|column| column.name == name).cloned());
            }
        }
        let (mut items, mut columns) = (Vec::new(), Vec::new());
        for key in &keys {
            items.push(format!("        {}", key.name));
            columns.push(key.clone());
        }
        let calls = self.calls();
        for (sql, kind, stem) in calls {
            let name = self.name(stem);
            items.push(format!("        {sql} as {name}"));
            columns.push(Column { name, kind });
        }
        let group = match (keys.is_empty(), self.random.below(3)) {
            (true, _) => String::new(),
            (false, 0) => {
                format!("\n    group by {}", (1..=keys.len()).map(|n| n.to_string()).collect::<Vec<_>>().join(", "))
            }
            (false, 1) => "\n    group by all".to_owned(),
            (false, _) => {
                let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
                format!("\n    group by {}", names.join(", "))
            }
        };
        let having = if keys.is_empty() || self.random.one_in(2) { "" } else { "\n    having count(*) > 0" };
        let body = format!("    select\n{}\n    from {}{group}{having}", items.join(",\n"), self.last.name);
        self.push("aggregated", &body, columns);
    }

    fn calls(&mut self) -> Vec<(String, Kind, &'static str)> {
        let mut calls = vec![("count(*)".to_owned(), Kind::Key, "n_rows")];
        if let Some(money) = self.of(&[Kind::Money, Kind::Total]) {
            calls.push((format!("sum({money})"), Kind::Total, "total"));
            calls.push((format!("max({money})"), Kind::Total, "largest"));
        }
        if let Some(key) = self.of(&[Kind::Key]) {
            calls.push((format!("count(distinct {key})"), Kind::Key, "n_distinct"));
        }
        if let Some(date) = self.of(&[Kind::Date]) {
            calls.push((format!("min({date})"), Kind::Date, "first_day"));
        }
        if let Some(number) = self.of(&[Kind::Int]) {
            let condition = self.condition();
            calls.push((format!("sum(case when {condition} then {number} else 0 end)"), Kind::Total, "of_those"));
        }
        let condition = self.condition();
        calls.push((self.flavour.count_if(&condition), Kind::Key, "n_those"));
        calls
    }

    fn grouping_sets(&mut self) {
        let (Some(one), Some(other)) = (self.of(&[Kind::Text]), self.of(&[Kind::Date, Kind::Key])) else {
            return self.aggregate();
        };
        let kind = self.last.columns.iter().find(|column| column.name == other).map_or(Kind::Key, |column| column.kind);
        let count = self.name("n_rows");
        let sets = if self.random.one_in(2) {
            format!("rollup ({one}, {other})")
        } else {
            format!("grouping sets (({one}, {other}), ({one}), ())")
        };
        let body =
            format!("    select {one}, {other}, count(*) as {count}\n    from {}\n    group by {sets}", self.last.name);
        let columns = vec![
            Column { name: one, kind: Kind::Text },
            Column { name: other, kind },
            Column { name: count, kind: Kind::Key },
        ];
        self.push("rolled_up", &body, columns);
    }

    /// Columns of the values of another: as `PIVOT` where the adapter spells it alike, by cases otherwise.
    fn pivot(&mut self) {
        let (Some(text), Some(key), Some(number)) =
            (self.of(&[Kind::Text]), self.of(&[Kind::Key]), self.of(&[Kind::Int]))
        else {
            return self.aggregate();
        };
        let (one, other) = (self.name("of_a"), self.name("of_b"));
        let from = &self.last.name;
        let body = if self.flavour == Flavour::DuckDb {
            format!(
                "    select *\n    from (select {key}, {text}, {number} from {from})\n    \
                 pivot (sum({number}) for {text} in ('a' as {one}, 'b' as {other}))"
            )
        } else {
            format!(
                "    select\n        {key},\n        sum(case when {text} = 'a' then {number} end) as {one},\n        \
                 sum(case when {text} = 'b' then {number} end) as {other}\n    from {from}\n    group by {key}"
            )
        };
        let columns = vec![
            Column { name: key, kind: Kind::Key },
            Column { name: one, kind: Kind::Total },
            Column { name: other, kind: Kind::Total },
        ];
        self.push("pivoted", &body, columns);
    }

    /// Joins another import by its first key.
    fn join(&mut self, other: &Relation) {
        let Some(own) = self.of(&[Kind::Key]) else { return };
        let Some(their) = other.columns.iter().find(|column| column.kind == Kind::Key) else { return };
        let mut columns = self.last.columns.clone();
        let mut items = vec!["        a.*".to_owned()];
        for column in other.columns.iter().filter(|column| column.kind != Kind::Key).take(4) {
            let name = self.name("joined");
            items.push(format!("        b.{} as {name}", column.name));
            columns.push(Column { name, kind: column.kind });
        }
        let how = *self.random.pick(&["left join", "inner join", "left join"]);
        let body = format!(
            "    select\n{}\n    from {} as a\n    {how} {} as b\n        on a.{own} = b.{}",
            items.join(",\n"),
            self.last.name,
            other.name,
            their.name
        );
        self.push("joined_rows", &body, columns);
    }

    /// Leaves at most twelve columns, so that models do not grow with their depth.
    fn narrow(&mut self) {
        if self.last.columns.len() > 12 {
            let mut columns = self.last.columns.clone();
            let keys: Vec<Column> = columns.extract_if(.., |column| column.kind == Kind::Key).take(3).collect();
            columns.truncate(12 - keys.len());
            self.last.columns = keys.into_iter().chain(columns).collect();
        }
    }
}
