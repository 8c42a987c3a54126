//! A read, as a path of the dialect and as SQL.

use std::fmt::Write as _;

use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom as _;

type Dice = Xoshiro256PlusPlus;

/// A read of one table, or of the rows of one that are related to a row.
pub(super) struct Read {
    table: &'static Table,
    columns: Vec<&'static str>,
    embeds: Vec<(&'static Edge, bool, Read)>,
    /// Each as the dialect's parameter, without the way to it, and as SQL about rows `{}`.
    filters: Vec<(String, String)>,
    /// The column, whether from the largest, and whether nulls come first, if that is said.
    order: Option<(&'static str, bool, Option<bool>)>,
    limit: Option<u32>,
    offset: Option<u32>,
}

struct Table {
    name: &'static str,
    /// What tells rows apart.
    key: &'static str,
    numbers: &'static [&'static str],
    texts: &'static [&'static str],
    edges: &'static [Edge],
}

/// A way from a table to another.
struct Edge {
    /// The table and the hint.
    target: &'static str,
    table: usize,
    is_many: bool,
    /// Whether the row `{p}` and the row `{c}` are related.
    related: &'static str,
}

const GUESTS: usize = 0;
const VISITS: usize = 1;
const MASTERS: usize = 2;
const TREATS: usize = 3;
const CARDS: usize = 4;

const fn many(target: &'static str, table: usize, related: &'static str) -> Edge {
    Edge {
        target,
        table,
        is_many: true,
        related,
    }
}

const fn one(target: &'static str, table: usize, related: &'static str) -> Edge {
    Edge {
        target,
        table,
        is_many: false,
        related,
    }
}

static TABLES: [Table; 5] = [
    Table {
        name: "guests",
        key: "id",
        numbers: &["id", "referred_by"],
        texts: &["name"],
        edges: &[
            many("visits", VISITS, "{c}.guest_id = {p}.id"),
            one("cards", CARDS, "{c}.guest_id = {p}.id"),
            many("guests", GUESTS, "{c}.referred_by = {p}.id"),
            one("referred_by", GUESTS, "{c}.id = {p}.referred_by"),
        ],
    },
    Table {
        name: "visits",
        key: "id",
        numbers: &["id", "guest_id", "master_id", "helper_id", "price"],
        texts: &[],
        edges: &[
            one("guests", GUESTS, "{c}.id = {p}.guest_id"),
            one("masters!master_id", MASTERS, "{c}.id = {p}.master_id"),
            one("masters!helped", MASTERS, "{c}.id = {p}.helper_id"),
            many(
                "treats",
                TREATS,
                "{c}.id in (select treat_id from visit_treats where visit_id = {p}.id)",
            ),
        ],
    },
    Table {
        name: "masters",
        key: "id",
        numbers: &["id"],
        texts: &["name"],
        edges: &[
            many("visits!visits_master_id_fkey", VISITS, "{c}.master_id = {p}.id"),
            many("visits!helped", VISITS, "{c}.helper_id = {p}.id"),
        ],
    },
    Table {
        name: "treats",
        key: "id",
        numbers: &["id"],
        texts: &["title"],
        edges: &[many(
            "visits",
            VISITS,
            "{c}.id in (select visit_id from visit_treats where treat_id = {p}.id)",
        )],
    },
    Table {
        name: "cards",
        key: "guest_id",
        numbers: &["guest_id"],
        texts: &["number"],
        edges: &[one("guests", GUESTS, "{c}.id = {p}.guest_id")],
    },
];

impl Read {
    /// A read of a table that is served, with related rows down to a depth.
    pub(super) fn random(dice: &mut Dice, depth: u64) -> Self {
        let table = [GUESTS, VISITS, MASTERS][dice.random_range(0..3)];
        Self::of(dice, &TABLES[table], depth, true)
    }

    fn of(dice: &mut Dice, table: &'static Table, depth: u64, is_many: bool) -> Self {
        let all: Vec<_> = table.numbers.iter().chain(table.texts).copied().collect();
        let mut columns: Vec<_> = all.iter().copied().filter(|_| dice.random_range(0..2) == 0).collect();
        if columns.is_empty() {
            columns.push(table.key);
        }
        let most = if depth == 0 { 0 } else { 2 };
        let embeds = (0..dice.random_range(0..=most)).map(|_| {
            let edge = table.edges.choose(dice).unwrap_or(&table.edges[0]);
            let read = Self::of(dice, &TABLES[edge.table], depth - 1, edge.is_many);
            // What `!inner` makes of a limit is not told by the dialect.
            let inner = dice.random_range(0..3) == 0 && read.limit.is_none() && read.offset.is_none();
            (edge, inner, read)
        });
        let embeds = embeds.collect();
        let filters = (0..dice.random_range(0..3)).map(|_| filter(dice, table)).collect();
        let mut maybe = |most: u32| (is_many && dice.random_range(0..3) == 0).then(|| dice.random_range(0..=most));
        let (limit, offset) = (maybe(9), maybe(4));
        let order = (dice.random_range(0..2) == 0).then(|| {
            let nulls = [None, Some(true), Some(false)][dice.random_range(0..3)];
            let column = all.choose(dice).copied().unwrap_or(table.key);
            (column, dice.random_range(0..2) == 0, nulls)
        });
        Self {
            table,
            columns,
            embeds,
            filters,
            order: order.filter(|_| is_many),
            limit,
            offset,
        }
    }

    /// The path and the parameters of the request.
    pub(super) fn path(&self) -> String {
        let mut path = format!("{}?select={}", self.table.name, self.select());
        self.write_parameters("", true, &mut path);
        path
    }

    fn select(&self) -> String {
        let columns = self.columns.iter().map(|column| (*column).to_owned());
        let embeds = self.embeds.iter().enumerate().map(|(place, (edge, inner, read))| {
            let inner = if *inner { "!inner" } else { "" };
            format!("e{place}:{}{inner}({})", edge.target, read.select())
        });
        columns.chain(embeds).collect::<Vec<_>>().join(",")
    }

    fn write_parameters(&self, way: &str, is_many: bool, path: &mut String) {
        for (parameter, _) in &self.filters {
            let _ = write!(path, "&{way}{parameter}");
        }
        if is_many {
            let _ = write!(path, "&{way}order=");
            if let Some((column, descending, nulls)) = self.order {
                let direction = if descending { ".desc" } else { "" };
                let nulls = nulls.map_or("", |first| if first { ".nullsfirst" } else { ".nullslast" });
                let _ = write!(path, "{column}{direction}{nulls},");
            }
            path.push_str(self.table.key);
        }
        for (name, value) in [("limit", self.limit), ("offset", self.offset)] {
            if let Some(value) = value {
                let _ = write!(path, "&{way}{name}={value}");
            }
        }
        for (place, (edge, _, read)) in self.embeds.iter().enumerate() {
            read.write_parameters(&format!("{way}e{place}."), edge.is_many, path);
        }
    }

    /// The SQL that finds the same: a JSON text.
    pub(super) fn sql(&self) -> String {
        format!("select ({})::text", self.rows("t", None))
    }

    /// Rows `name` as a JSON array.
    fn rows(&self, name: &str, related: Option<&str>) -> String {
        let mut order = String::new();
        if let Some((column, descending, nulls)) = self.order {
            let direction = if descending { "desc" } else { "asc" };
            // Without a word PostgreSQL takes null for the largest.
            let first = nulls.unwrap_or(descending);
            let nulls = if first { "nulls first" } else { "nulls last" };
            let _ = write!(order, "{name}.{column} {direction} {nulls}, ");
        }
        let _ = write!(order, "{name}.{}", self.table.key);
        let mut window = String::new();
        for (word, value) in [("limit", self.limit), ("offset", self.offset)] {
            if let Some(value) = value {
                let _ = write!(window, " {word} {value}");
            }
        }
        format!(
            "select coalesce(json_agg(o order by n), '[]') from (select {} as o, row_number() over (order by {order}) as n \
             from {} as {name} where {} order by {order}{window}) as {name}_all",
            self.object(name),
            self.table.name,
            self.condition(name, related)
        )
    }

    /// The row `name` as a JSON object.
    fn object(&self, name: &str) -> String {
        let columns = self.columns.iter().map(|column| format!("'{column}', {name}.{column}"));
        let embeds = self.embeds.iter().enumerate().map(|(place, (edge, _, read))| {
            let inside = format!("{name}{place}");
            let related = related(edge, name, &inside);
            let found = if edge.is_many {
                read.rows(&inside, Some(&related))
            } else {
                let condition = read.condition(&inside, Some(&related));
                let object = read.object(&inside);
                format!("select {object} from {} as {inside} where {condition}", read.table.name)
            };
            format!("'e{place}', ({found})")
        });
        let members: Vec<_> = columns.chain(embeds).collect();
        format!("json_build_object({})", members.join(", "))
    }

    /// Whether the row `name` is meant.
    fn condition(&self, name: &str, related_to: Option<&str>) -> String {
        let mut all = vec!["true".to_owned()];
        all.extend(related_to.map(str::to_owned));
        all.extend(self.filters.iter().map(|(_, sql)| sql.replace("{}", name)));
        for (place, (edge, inner, read)) in self.embeds.iter().enumerate() {
            if *inner {
                let inside = format!("{name}_{place}");
                let condition = read.condition(&inside, Some(&related(edge, name, &inside)));
                all.push(format!(
                    "exists (select from {} as {inside} where {condition})",
                    read.table.name
                ));
            }
        }
        all.join(" and ")
    }
}

/// Whether the row `parent` and the row `child` are related.
fn related(edge: &Edge, parent: &str, child: &str) -> String {
    edge.related.replace("{p}", parent).replace("{c}", child)
}

/// A filter, as a parameter and as SQL about rows `{}`.
fn filter(dice: &mut Dice, table: &Table) -> (String, String) {
    if dice.random_range(0..4) == 0 {
        let (one, other) = (comparison(dice, table), comparison(dice, table));
        let word = if dice.random_range(0..2) == 0 { "or" } else { "and" };
        let inside = |(column, test, _): &(&str, String, String)| format!("{column}.{test}");
        return (
            format!("{word}=({},{})", inside(&one), inside(&other)),
            format!("({} {word} {})", one.2, other.2),
        );
    }
    let (column, test, sql) = comparison(dice, table);
    (format!("{column}={test}"), sql)
}

/// A column, the test of the dialect, and the SQL.
fn comparison(dice: &mut Dice, table: &Table) -> (&'static str, String, String) {
    let negated = dice.random_range(0..4) == 0;
    let is_text = !table.texts.is_empty() && dice.random_range(0..2) == 0;
    let columns: &'static [&'static str] = if is_text { table.texts } else { table.numbers };
    let column = columns.choose(dice).copied().unwrap_or("id");
    let (test, sql) = if dice.random_range(0..5) == 0 {
        ("is.null".to_owned(), format!("{{}}.{column} is null"))
    } else if is_text {
        match dice.random_range(0..3) {
            0 => ("eq.Anna".to_owned(), format!("{{}}.{column} = 'Anna'")),
            1 => ("like.*a*".to_owned(), format!("{{}}.{column} like '%a%'")),
            _ => (
                r#"in.("a,b (c)",Жанна,B-5)"#.to_owned(),
                format!("{{}}.{column} in ('a,b (c)', 'Жанна', 'B-5')"),
            ),
        }
    } else {
        let value = dice.random_range(0..45);
        let (word, sign) = [
            ("eq", "="),
            ("neq", "<>"),
            ("gt", ">"),
            ("gte", ">="),
            ("lt", "<"),
            ("lte", "<="),
        ][dice.random_range(0..6)];
        (format!("{word}.{value}"), format!("{{}}.{column} {sign} {value}"))
    };
    if negated {
        (column, format!("not.{test}"), format!("not ({sql})"))
    } else {
        (column, test, sql)
    }
}
