use serde_json::json;
use turnout_backends::{Database, Error, Join, Schema, Table};
use turnout_postgrest::encode;
use turnout_vocabulary::Repository;

use crate::baseline::LeftOut;
use crate::operation::Operation;

/// How many values of a column are looked at, and how many of them are asked for in turn. A sample is made of whole pages, so a small one
/// may well be empty.
const SAMPLED: u32 = 1000;
const ASKED: usize = 50;

/// How many rows a bulk insert has.
const BULK: usize = 100;

/// How many rows a read without a subject answers with at most.
const PAGE: usize = 100;

/// How many recorded operations are measured.
const RECORDED: usize = 20;

/// What a search looks for: so many letters.
const LETTERS: usize = 4;

/// What is to be measured.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// The operations.
    pub operations: Vec<Operation>,
    /// What can't be measured, with the reasons.
    pub left_out: Vec<LeftOut>,
}

/// A read of the application, as a recording has it: it names no values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedRead {
    /// The repository.
    pub repository: String,
    /// Whether it named a subject.
    pub by_subject: bool,
}

/// Chooses what is measured: the lookup of a subject, the same with related rows, a search in a text column, a bulk insert into the scratch
/// table, and these recorded reads, most frequent first. The values that are asked for are taken from `old`.
///
/// # Errors
/// [`Error`] if `old` can't be asked.
pub async fn choose(
    old: &Database,
    repositories: &[Repository],
    scratch: &Repository,
    recorded: &[RecordedRead],
) -> Result<Chosen, Error> {
    let schema = old.schema().await?;
    let mut chosen = Chosen::default();
    let of_subjects = Looked::up(old, &schema, repositories).await?;
    chosen.take("lookup by subject", of_subjects.as_ref().and_then(Looked::lookup));
    chosen.take(
        "lookup with related rows",
        of_subjects.as_ref().and_then(Looked::embedding),
    );
    chosen.take("search in a text column", search(old, &schema, repositories).await?);
    chosen.take("bulk insert", insert(scratch));
    for read in recorded.iter().take(RECORDED) {
        let name = read.name();
        let operation = match repositories
            .iter()
            .find(|repository| repository.name == read.repository)
        {
            Some(repository) => read.operation(old, repository).await?,
            None => None,
        };
        chosen.take(&name, operation);
    }
    Ok(chosen)
}

impl Chosen {
    fn take(&mut self, name: &str, operation: Option<Operation>) {
        match operation {
            Some(operation) => self.operations.push(operation),
            None => self.left_out.push(LeftOut {
                name: name.to_owned(),
                reason: "no table of old has what it takes, or none of its rows has".to_owned(),
            }),
        }
    }
}

/// Values of the subject column, from all over the table.
async fn values(old: &Database, repository: &Repository) -> Result<Vec<String>, Error> {
    let sample = old.subject_sample(repository, SAMPLED).await?;
    let apart = sample.len().div_ceil(ASKED).max(1);
    Ok(sample.into_iter().step_by(apart).collect())
}

/// A repository whose rows are looked up by subject.
struct Looked<'a> {
    repository: &'a Repository,
    column: &'a str,
    subjects: Vec<String>,
    /// The related table, as the dialect names it, and its name alone.
    related: Option<(String, String)>,
}

impl<'a> Looked<'a> {
    /// The first repository that has subjects and rows of other tables that refer to it; else the first that has subjects.
    async fn up(old: &Database, schema: &Schema, repositories: &'a [Repository]) -> Result<Option<Self>, Error> {
        let mut without_related = None;
        for repository in repositories {
            let Some(column) = &repository.subject else { continue };
            let subjects = values(old, repository).await?;
            if subjects.is_empty() {
                continue;
            }
            let looked = Self {
                repository,
                column,
                subjects,
                related: related(schema, repository, repositories),
            };
            if looked.related.is_some() {
                return Ok(Some(looked));
            }
            without_related.get_or_insert(looked);
        }
        Ok(without_related)
    }

    fn lookup(&self) -> Option<Operation> {
        let name = format!("lookup of {} by {}", self.repository.name, self.column);
        Operation::reads(name, self.repository, &self.queries(""))
    }

    fn embedding(&self) -> Option<Operation> {
        let (spelled, table) = self.related.as_ref()?;
        let name = format!("{} with {table} by {}", self.repository.name, self.column);
        let select = format!("&select=*,{spelled}(*)");
        Operation::reads(name, self.repository, &self.queries(&select))
    }

    fn queries(&self, more: &str) -> Vec<String> {
        by_subject(self.column, &self.subjects, more)
    }
}

fn by_subject(column: &str, subjects: &[String], more: &str) -> Vec<String> {
    let query = |subject: &String| format!("{}=eq.{}{more}", encode(column), encode(subject));
    subjects.iter().map(query).collect()
}

/// The table of another repository whose foreign key refers to this one's, as the dialect names it. One with a subject of its own is
/// preferred: its rows are the subject's, too.
fn related(schema: &Schema, repository: &Repository, repositories: &[Repository]) -> Option<(String, String)> {
    let mut found = Vec::new();
    for relationship in schema.relationships(schema.place(repository)?) {
        let Join::OneToMany(key) = &relationship.join else {
            continue;
        };
        let Table { schema, name, .. } = &schema.tables()[relationship.target];
        let mut others = repositories.iter();
        if let Some(other) = others.find(|other| other.table == *name && other.schema == *schema)
            && other.id != repository.id
        {
            let spelled = format!("{}!{}", encode(name), encode(&key.constraint));
            found.push((other.subject.is_none(), (spelled, name.clone())));
        }
    }
    found.into_iter().min().map(|(_, related)| related)
}

/// The search for a part of a value in a text column. A column that is called a name or a title is preferred.
async fn search(old: &Database, schema: &Schema, repositories: &[Repository]) -> Result<Option<Operation>, Error> {
    let mut columns = Vec::new();
    for repository in repositories {
        let table = schema.table(repository);
        for column in table.map_or(&[][..], |table| &table.columns) {
            let is_text = matches!(column.type_name.as_str(), "text" | "character varying");
            if is_text && !repository.key.contains(&column.name) && repository.subject.as_ref() != Some(&column.name) {
                let is_named = ["name", "title"].iter().any(|part| column.name.contains(part));
                // Where subjects are, most rows are.
                columns.push(((!is_named, repository.subject.is_none()), repository, &column.name));
            }
        }
    }
    columns.sort_by_key(|(preference, ..)| *preference);
    for (_, repository, column) in columns {
        let of_column = Repository {
            subject: Some(column.clone()),
            ..repository.clone()
        };
        let texts = values(old, &of_column).await?;
        let queries: Vec<String> = texts
            .iter()
            .filter_map(|text| part(text))
            .map(|part| format!("{}=ilike.*{}*&limit={PAGE}", encode(column), encode(&part)))
            .collect();
        let name = format!("search in {}.{column}", repository.name);
        if let Some(operation) = Operation::reads(name, repository, &queries) {
            return Ok(Some(operation));
        }
    }
    Ok(None)
}

/// The first letters of the longest word of a text; `None` if it has no word of so many.
fn part(text: &str) -> Option<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    let longest = words.max_by_key(|word| word.chars().count())?;
    let part: String = longest.chars().take(LETTERS).collect();
    (part.chars().count() == LETTERS).then_some(part)
}

/// The insert of many rows into the scratch table.
fn insert(scratch: &Repository) -> Option<Operation> {
    let row = |number: usize| {
        json!({
            "subject": format!("{number:011}"),
            "name": format!("row {number}"),
            "amount": format!("{number}.50"),
            "details": { "number": number, "tags": ["one", "two"] },
        })
    };
    let rows: Vec<_> = (0..BULK).map(row).collect();
    Operation::insert(
        format!("insert of {BULK} rows"),
        scratch,
        &serde_json::Value::from(rows).to_string(),
    )
}

impl RecordedRead {
    fn name(&self) -> String {
        let by = if self.by_subject {
            "by subject"
        } else {
            "without a subject"
        };
        format!("recorded read of {} {by}", self.repository)
    }

    /// The reads that it stands for: a recording has no filters, so rows are read by subject, or the first ones.
    async fn operation(&self, old: &Database, repository: &Repository) -> Result<Option<Operation>, Error> {
        let queries = match &repository.subject {
            Some(column) if self.by_subject => by_subject(column, &values(old, repository).await?, ""),
            // The subject of a read may stand in a header beside it.
            _ => vec![format!("limit={PAGE}")],
        };
        Ok(Operation::reads(self.name(), repository, &queries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_looks_for_the_beginning_of_the_longest_word() {
        assert_eq!(part("Анна Петрова (VIP)"), Some("Петр".to_owned()));
        assert_eq!(part("a-b*c%d"), None);
        assert_eq!(part(""), None);
    }

    #[test]
    fn subjects_are_encoded_in_queries() {
        assert_eq!(
            by_subject("phone", &["+7 9".to_owned()], "&limit=1"),
            ["phone=eq.%2B7%209&limit=1"]
        );
    }
}
