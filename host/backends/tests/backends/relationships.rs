//! What is known of tables, views and functions that are no repositories, and of how they are related.

use std::sync::Arc;

use turnout_backends::{Join, Schema, Shaped, TableKind, Volatility};

use crate::world::{World, repository};

const SALON: &str = r#"
    create schema private;
    create table clients (id serial primary key, phone text unique);
    create table staff (id serial primary key, name text, boss int references staff);
    create table services (id serial primary key);
    create table bookings (
        id serial primary key, client_id int references clients, staff_id int constraint who references staff, "a:targetList (\" int
    );
    create table booking_services (
        booking_id int references bookings, service_id int references services, primary key (booking_id, service_id)
    );
    create table passports (client_id int primary key references clients);
    create table private.notes (id int primary key, client_id int references clients);
    create table days (day date not null, client_id int references clients) partition by range (day);
    create table days_1 partition of days for values from ('2026-01-01') to ('2027-01-01');

    create view shown as
        select b.id as number, b.client_id, b.client_id as again, "a:targetList (\" as odd, (select id from staff limit 1) as staff_id
        from bookings b join clients c on c.id = b.client_id where exists (select 1 from services s where s.id = b.id);
    create view deeper as select number, client_id, client_id + 0 as sum, again as twice from shown;
    create view notes as select * from private.notes;
    create materialized view kept as select id from staff;

    create function label(bookings) returns text language sql stable as 'select $1.id::text';
    create function bookings_of(clients) returns setof bookings language sql stable as 'select * from bookings';
    create function newest(clients) returns setof bookings rows 1 language sql stable as 'select * from bookings';
    create function add(a int, b int default 2) returns int language sql immutable as 'select a + b';
    create function split(out x int, variadic texts text[], out y text) returns setof record language sql as 'select 1, $1[1]';
    create function nothing() returns void language sql as '';
    create function many(int, int) returns int language sql as 'select 1';
    create function fires() returns trigger language plpgsql as 'begin end';
"#;

async fn salon() -> Arc<Schema> {
    let world = World::new(SALON, vec![repository("clients", &["id"], None)]).await;
    world.database.schema().await.unwrap()
}

/// The relationships of a table, a line each: the kind, the target, and the columns that are equal.
fn related(schema: &Schema, name: &str) -> Vec<String> {
    let tables = schema.tables();
    let place = tables.iter().position(|table| table.name == name).unwrap();
    let columns = |columns: &[(String, String)]| {
        let pairs: Vec<String> = columns.iter().map(|(this, other)| format!("{this}={other}")).collect();
        pairs.join(",")
    };
    let lines = schema.relationships(place).iter().map(|relationship| {
        let target = &tables[relationship.target].name;
        match &relationship.join {
            Join::OneToMany(key) => format!("many {target} {} {}", key.constraint, columns(&key.columns)),
            Join::ManyToOne(key) => format!("one {target} {} {}", key.constraint, columns(&key.columns)),
            Join::OneToOne(key) => format!("single {target} {} {}", key.constraint, columns(&key.columns)),
            Join::ManyToMany(junction) => format!(
                "through {} {target} {} {}",
                junction.name,
                columns(&junction.source.columns),
                columns(&junction.target.columns)
            ),
            Join::Computed(computed) => format!("by {} {target} {}", computed.name, computed.one_row),
        }
    });
    lines.collect()
}

#[tokio::test]
async fn foreign_keys_relate_tables_in_both_directions() {
    let schema = salon().await;
    assert_eq!(
        related(&schema, "bookings"),
        [
            "many booking_services booking_services_booking_id_fkey id=booking_id",
            "one clients bookings_client_id_fkey client_id=id",
            "one kept who staff_id=id",
            "through booking_services services id=booking_id id=service_id",
            "one staff who staff_id=id",
        ]
    );
    assert_eq!(
        related(&schema, "passports"),
        ["single clients passports_client_id_fkey client_id=id"]
    );
    assert_eq!(
        related(&schema, "staff"),
        [
            "many bookings who id=staff_id",
            "one kept staff_boss_fkey boss=id",
            "many staff staff_boss_fkey id=boss",
            "one staff staff_boss_fkey boss=id",
        ]
    );
    assert_eq!(
        related(&schema, "days"),
        ["one clients days_client_id_fkey client_id=id"]
    );
}

#[tokio::test]
async fn views_are_related_as_the_tables_whose_columns_they_show() {
    let schema = salon().await;
    assert_eq!(
        related(&schema, "shown"),
        [
            "many booking_services booking_services_booking_id_fkey number=booking_id",
            "one clients bookings_client_id_fkey again=id",
            "one clients bookings_client_id_fkey client_id=id",
            "through booking_services services number=booking_id id=service_id",
        ]
    );
    assert_eq!(
        related(&schema, "deeper"),
        [
            "many booking_services booking_services_booking_id_fkey number=booking_id",
            "one clients bookings_client_id_fkey client_id=id",
            "one clients bookings_client_id_fkey twice=id",
            "through booking_services services number=booking_id id=service_id",
        ]
    );
    assert_eq!(
        related(&schema, "notes"),
        ["one clients notes_client_id_fkey client_id=id"]
    );
    assert_eq!(
        related(&schema, "kept"),
        ["many bookings who id=staff_id", "many staff staff_boss_fkey id=boss"]
    );
}

#[tokio::test]
async fn views_tell_their_kind_their_key_and_their_tables() {
    let schema = salon().await;
    let table = |name: &str| schema.tables().iter().find(|table| table.name == name);
    let deeper = table("deeper").unwrap();
    assert_eq!(deeper.kind, TableKind::View);
    assert_eq!(deeper.primary_key, ["number"]);
    let mut parts: Vec<&str> = deeper.parts.iter().map(|part| &*part.table).collect();
    parts.sort_unstable();
    assert_eq!(parts, ["bookings", "clients", "services", "staff"]);
    assert_eq!(table("notes").unwrap().parts[0].schema, "private");
    assert_eq!(table("kept").unwrap().kind, TableKind::MaterializedView);
    assert_eq!(table("days").unwrap().kind, TableKind::Partitioned);
    assert!(table("days_1").is_none());
}

#[tokio::test]
async fn functions_tell_their_arguments_and_results() {
    let schema = salon().await;
    let names: Vec<&str> = schema.functions().iter().map(|function| &*function.name).collect();
    assert_eq!(names, ["add", "bookings_of", "label", "newest", "nothing", "split"]);
    let function = |name: &str| {
        schema
            .functions()
            .iter()
            .find(|function| function.name == name)
            .unwrap()
    };
    let add = function("add");
    assert_eq!(add.volatility, Volatility::Immutable);
    let optional: Vec<_> = add
        .arguments
        .iter()
        .map(|argument| (&*argument.name, argument.optional))
        .collect();
    assert_eq!(optional, [("a", false), ("b", true)]);
    let split = function("split");
    assert_eq!(split.arguments.len(), 1);
    assert!(split.arguments[0].variadic && split.result.set);
    assert!(matches!(&split.result.shape, Shaped::Columns(columns) if columns.len() == 2 && columns[1].name == "y"));
    assert_eq!(function("nothing").result.shape, Shaped::Void);
    assert_eq!(function("label").result.shape, Shaped::Scalar);
    let clients = related(&schema, "clients");
    assert!(
        clients.ends_with(&["by bookings_of bookings false".into(), "by newest bookings true".into()]),
        "{clients:?}"
    );
}
