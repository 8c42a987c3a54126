//! A site whose tables are related in every way, and a host that serves it.

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;
use sqlx::raw_sql;
use turnout_tests::{Answer, Host, Site};

const TABLES: &str = "
    create table guests (id integer primary key, name text, referred_by integer references guests);
    create table masters (id integer primary key, name text);
    create table visits (
        id integer primary key,
        guest_id integer references guests,
        master_id integer references masters,
        helper_id integer constraint helped references masters,
        price numeric(8, 2)
    );
    create table treats (id integer primary key, title text);
    create table visit_treats (
        visit_id integer references visits on delete cascade, treat_id integer references treats, primary key (visit_id, treat_id)
    );
    create table cards (guest_id integer primary key references guests, number text);
    create table alone (id integer primary key);
    create view visit_list as select id as number, guest_id, price from visits;

    create function label(visits) returns text language sql stable as 'select $1.id || ''/'' || $1.price';
    create function dear_visits(guests) returns setof visits language sql stable
        as 'select * from visits where guest_id = $1.id and price > 100 order by id';
    create function first_master(guests) returns setof masters rows 1 language sql stable
        as 'select m.* from masters m join visits v on v.master_id = m.id where v.guest_id = $1.id order by v.id limit 1';

    insert into guests values (1, 'Anna', null), (2, 'Boris', 1), (3, 'Vera', 1);
    insert into masters values (1, 'Olga'), (2, 'Pavel');
    insert into visits values
        (1, 1, 1, 2, 100.00), (2, 1, 2, null, 250.50), (3, 2, 1, null, 80), (4, null, 2, null, 10);
    insert into treats values (1, 'cut'), (2, 'wash'), (3, 'dye');
    insert into visit_treats values (1, 1), (1, 2), (2, 3), (3, 1);
    insert into cards values (1, 'A-1');
";

/// The settings of the routing policy that a site begins with.
const ROUTING: &str = include_str!("../../../../host/cli/src/command/demo/routing.toml");

/// The site and its host. Dropping it removes both.
pub(super) struct Salon {
    pub(super) site: Site,
    pub(super) host: Host,
}

impl Salon {
    /// Makes the tables on both sides and has some of them served.
    pub(super) async fn set_up() -> Result<Self> {
        Self::set_up_with("").await
    }

    /// The same, with more in the settings of the routing policy.
    pub(super) async fn set_up_with(routing: &str) -> Result<Self> {
        let site = Site::set_up().await?;
        let (old, new) = site.databases().await?;
        for side in [&old, &new] {
            raw_sql(TABLES).execute(side).await?;
        }
        site.configure(&[
            ("api.aggregates", "true"),
            ("repositories.guests.key", "['id']"),
            ("repositories.visits.key", "['id']"),
            ("repositories.masters.key", "['id']"),
            ("repositories.alone.key", "['id']"),
        ])?;
        for side in ["old", "new"] {
            site.turnout(&["install", side])?;
        }
        site.put("routing.toml", format!("{ROUTING}\n{routing}"))?;
        let host = site.host().await?;
        Ok(Self { site, host })
    }

    /// Sends a request with these headers and rows.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        rows: Option<&Value>,
    ) -> Result<Answer> {
        let mut request = self.host.request(method, &format!("/rest/v1/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(rows) = rows {
            request = request.json(rows);
        }
        self.host.send(request).await
    }

    /// The body that a read is answered with, without the line breaks of `json_agg`. The status must be 200.
    pub(super) async fn read(&self, path: &str) -> Result<String> {
        let answer = self.ask(Method::GET, path, &[], None).await?;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        Ok(answer.text.replace(", \n ", ","))
    }

    /// Checks that each path is answered with its body.
    pub(super) async fn check(&self, expected: &[(&str, &str)]) -> Result<()> {
        for (path, body) in expected {
            assert_eq!(self.read(path).await?, *body, "{path}");
        }
        Ok(())
    }
}
