use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use turnout_backends::{Database, Table, TableKind};
use turnout_vocabulary::{Repository, RepositoryId, SubjectKind, SubjectRule};

/// How many rows of a column are looked at.
const SAMPLED: u32 = 500;

/// The part of a column's values that must be subjects: less if its name says so, too.
const NAMED: f64 = 0.5;
const UNNAMED: f64 = 0.95;

/// The region of phone numbers without a country code, which the configuration begins with.
pub(super) const REGION: &str = "RU";

/// The kinds that are looked for, the most likely first, with the parts of names that speak for them.
const KINDS: [(SubjectKind, &[&str]); 3] = [
    (SubjectKind::Phone, &["phone", "mobile", "msisdn", "whatsapp", "tel"]),
    (SubjectKind::Email, &["email", "mail"]),
    (
        SubjectKind::Uuid,
        &["user_id", "owner_id", "account_id", "customer_id", "client_id"],
    ),
];

/// What was found in a database.
pub(super) struct Found {
    /// What the subjects are.
    pub(super) kind: SubjectKind,
    /// The tables that can be served.
    pub(super) tables: Vec<FoundTable>,
    /// The others, with the reasons.
    pub(super) left_out: Vec<(String, &'static str)>,
}

/// A table that can be served.
pub(super) struct FoundTable {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) key: Vec<String>,
    /// The columns that seem to say whose row it is, the likeliest first.
    pub(super) subjects: Vec<String>,
    /// The tables that its rows refer to.
    pub(super) refers_to: Vec<String>,
}

impl Found {
    /// Looks at a database, which `open` opens for these repositories.
    pub(super) async fn in_database(open: impl Fn(Arc<[Repository]>) -> Result<Database>) -> Result<Self> {
        let schema = open(Arc::new([]))?.schema().await?;
        let (mut servable, mut left_out) = (Vec::new(), Vec::new());
        for table in schema.tables() {
            match key(table) {
                Ok(key) => servable.push((table, key)),
                Err(why) => left_out.push((format!("{}.{}", table.schema, table.name), why)),
            }
        }
        let repositories: Arc<[Repository]> = servable
            .iter()
            .zip(0..)
            .map(|((table, key), number)| Repository {
                id: RepositoryId(number),
                name: table.name.clone(),
                table: table.name.clone(),
                schema: table.schema.clone(),
                key: key.clone(),
                subject: None,
                compared: Vec::new(),
            })
            .collect();
        let database = open(Arc::clone(&repositories))?;
        let mut tables = Vec::new();
        let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
        for ((table, key), repository) in servable.into_iter().zip(&*repositories) {
            let candidates = candidates(&database, table, repository).await?;
            for place in candidates.keys() {
                *votes.entry(*place).or_default() += 1;
            }
            tables.push((table.clone(), key, candidates));
        }
        // Of two kinds with as many tables, the likelier one.
        let place = votes
            .into_iter()
            .max_by_key(|(place, tables)| (*tables, std::cmp::Reverse(*place)));
        let place = place.map_or(0, |(place, _)| place);
        let tables = tables.into_iter().map(|(table, key, mut candidates)| FoundTable {
            schema: table.schema,
            name: table.name,
            key,
            subjects: candidates.remove(&place).unwrap_or_default(),
            refers_to: table.references.into_iter().map(|reference| reference.table).collect(),
        });
        Ok(Self {
            kind: KINDS[place].0,
            tables: tables.collect(),
            left_out,
        })
    }
}

/// The columns that tell the rows of a table apart, or why it can't be served.
fn key(table: &Table) -> Result<Vec<String>, &'static str> {
    match table.kind {
        TableKind::View | TableKind::MaterializedView => {
            return Err("it is a view, which is read as the tables that it is made of");
        }
        TableKind::Foreign => return Err("the mirror can't capture changes of a foreign table"),
        TableKind::Plain | TableKind::Partitioned => {}
    }
    let is_filled = |name: &String| {
        table
            .columns
            .iter()
            .any(|column| column.name == *name && column.not_null)
    };
    let unique = || table.unique_keys.iter().find(|key| key.iter().all(is_filled)).cloned();
    let primary = (!table.primary_key.is_empty()).then(|| table.primary_key.clone());
    primary
        .or_else(unique)
        .ok_or("it has no primary key and no unique constraint over columns that are not null")
}

/// The columns that seem to hold subjects, the likeliest first, by the place of their kind.
async fn candidates(
    database: &Database,
    table: &Table,
    repository: &Repository,
) -> Result<BTreeMap<usize, Vec<String>>> {
    let mut scored: BTreeMap<usize, Vec<(f64, String)>> = BTreeMap::new();
    for column in &table.columns {
        let is_text = matches!(column.type_name.as_str(), "text" | "character varying" | "citext");
        if !is_text && column.type_name != "uuid" {
            continue;
        }
        let repository = Repository {
            subject: Some(column.name.clone()),
            ..repository.clone()
        };
        let sample = database.subject_sample(&repository, SAMPLED).await?;
        for (place, (kind, names)) in KINDS.into_iter().enumerate() {
            if is_text == (kind == SubjectKind::Uuid) {
                continue;
            }
            let is_named = names.iter().any(|part| column.name.to_lowercase().contains(part));
            if let Some(score) = score(kind, is_named, &sample) {
                scored.entry(place).or_default().push((score, column.name.clone()));
            }
        }
    }
    let in_order = scored.into_iter().map(|(place, mut columns)| {
        columns.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        (place, columns.into_iter().map(|(_, name)| name).collect())
    });
    Ok(in_order.collect())
}

/// How likely it is that a column holds subjects of a kind; `None` if it does not seem to.
fn score(kind: SubjectKind, is_named: bool, sample: &[String]) -> Option<f64> {
    // Any column of the type holds UUIDs.
    if kind == SubjectKind::Uuid && !is_named {
        return None;
    }
    let rule = SubjectRule::of_kind(kind, REGION)?;
    let named = if is_named { 1.0 } else { 0.0 };
    if sample.is_empty() {
        return is_named.then_some(named);
    }
    let subjects = sample
        .iter()
        .filter(|text| rule.normalise_written(text).is_ok())
        .count();
    #[expect(clippy::cast_precision_loss, reason = "a sample has few rows")]
    let share = subjects as f64 / sample.len() as f64;
    (share >= if is_named { NAMED } else { UNNAMED }).then_some(named + share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_values_say_whether_a_column_holds_subjects() {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let phones = texts(&["89686484488", "+7 968 648-44-88", "nobody"]);
        assert!(score(SubjectKind::Phone, true, &phones) > Some(1.6));
        assert_eq!(score(SubjectKind::Phone, false, &phones), None);
        assert_eq!(score(SubjectKind::Phone, false, &phones[..2]), Some(1.0));
        assert_eq!(score(SubjectKind::Phone, true, &texts(&["1", "2"])), None);
        assert_eq!(score(SubjectKind::Phone, true, &[]), Some(1.0));
        assert_eq!(score(SubjectKind::Email, false, &[]), None);
        let uuids = texts(&["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]);
        assert_eq!(score(SubjectKind::Uuid, false, &uuids), None);
        assert_eq!(score(SubjectKind::Uuid, true, &uuids), Some(2.0));
    }
}
