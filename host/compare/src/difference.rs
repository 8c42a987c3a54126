use std::collections::HashMap;

use serde_json::{Map, Value};
use turnout_backends::{Database, Error, FoundDivergence, RowTexts};
use turnout_vocabulary::{PerBackend, Repository};

use crate::mark::RowSubject;
use crate::{Finding, Verdict};

/// The rows of how many keys are read at once to see which columns differ.
const READ_AT_ONCE: usize = 100;

/// The texts of a row's columns by their names.
pub type Texts = Map<String, Value>;

/// Says what counts as different.
pub trait Equality: Sync {
    /// Whether the rows of a subject, by the text of the subject column, are mirrored: whether both sides should have the same.
    fn is_mirrored(&self, repository: &Repository, subject: Option<&str>) -> bool;

    /// The columns of a repository's row that count as different, of those whose texts differ. If it names none, the rows count as equal.
    fn differing(&self, repository: &Repository, old: &Texts, new: &Texts) -> Vec<String>;
}

/// All rows are mirrored, and two are equal if the texts of all columns are.
#[derive(Clone, Copy, Debug)]
pub struct ByText;

impl Equality for ByText {
    fn is_mirrored(&self, _: &Repository, _: Option<&str>) -> bool {
        true
    }

    fn differing(&self, _: &Repository, old: &Texts, new: &Texts) -> Vec<String> {
        let differs = |(name, text): &(&String, &Value)| new.get(*name) != Some(*text);
        old.iter().filter(differs).map(|(name, _)| name.clone()).collect()
    }
}

/// A difference between the sides that is certain. `Debug` shows neither key nor subject.
#[derive(Clone)]
pub struct Difference {
    /// The key as a JSON object.
    pub key: String,
    /// The text of the subject column on each side.
    pub subjects: PerBackend<Option<String>>,
    /// Which side has a row.
    pub form: Form,
    /// The columns that differ, if both sides have a row.
    pub columns: Vec<String>,
    /// Why the mirror does not make them equal, if an entry is held or parked for a reason.
    pub held: Option<String>,
}

/// In which way two sides differ about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Both have a row.
    Differs,
    /// The side `old` alone has a row.
    OnlyOld,
    /// The side `new` alone has a row.
    OnlyNew,
}

impl std::fmt::Debug for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Difference")
            .field("form", &self.form)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl Difference {
    /// The text of the subject column of the row on each side that has one.
    pub(crate) fn row_subjects(&self) -> PerBackend<Option<RowSubject<'_>>> {
        let PerBackend { old, new } = self.subjects.as_ref().map(|subject| RowSubject(subject.as_deref()));
        PerBackend {
            old: (self.form != Form::OnlyNew).then_some(old),
            new: (self.form != Form::OnlyOld).then_some(new),
        }
    }

    /// The same as the side `old` keeps it.
    #[must_use]
    pub fn as_found(&self) -> FoundDivergence {
        let form = match self.form {
            Form::Differs => "the rows differ",
            Form::OnlyOld => "only old has the row",
            Form::OnlyNew => "only new has the row",
        };
        FoundDivergence {
            key: self.key.clone(),
            reason: match &self.held {
                Some(held) => format!("{form}; mirroring it fails: {held}"),
                None => form.to_owned(),
            },
            columns: self.columns.clone(),
        }
    }
}

/// The differences among findings, with the columns that differ. Rows that count as equal are left out.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn differences(
    sides: &PerBackend<Database>,
    repository: &Repository,
    columns: &[String],
    findings: &[Finding],
    equality: &dyn Equality,
) -> Result<Vec<Difference>, Error> {
    let mut differences = Vec::new();
    for findings in findings.chunks(READ_AT_ONCE) {
        let both: Vec<&str> = findings
            .iter()
            .filter(|finding| finding.form() == Some(Form::Differs))
            .map(|finding| finding.key.as_str())
            .collect();
        let texts = read(sides, repository, columns, &both).await?;
        for finding in findings {
            let (Some(form), Verdict::Diverged { held, .. }) = (finding.form(), &finding.verdict) else {
                continue;
            };
            let columns = match texts.get(finding.key.as_str()) {
                Some([old, new]) => equality.differing(repository, old, new),
                None => Vec::new(),
            };
            if form == Form::Differs && columns.is_empty() && texts.contains_key(finding.key.as_str()) {
                continue;
            }
            differences.push(Difference {
                key: finding.key.clone(),
                subjects: finding.subjects.clone(),
                form,
                columns,
                held: held.as_ref().map(|held| held.reason.clone()),
            });
        }
    }
    Ok(differences)
}

/// The texts of rows that both sides have, by their keys.
async fn read<'k>(
    sides: &PerBackend<Database>,
    repository: &Repository,
    columns: &[String],
    keys: &[&'k str],
) -> Result<HashMap<&'k str, [Texts; 2]>, Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let (old, new) = tokio::try_join!(
        sides.old.texts(repository, columns, keys),
        sides.new.texts(repository, columns, keys)
    )?;
    let by_key = |texts: Vec<RowTexts>| -> HashMap<String, Texts> {
        let row = |texts: RowTexts| Some((texts.key, texts.row?));
        texts.into_iter().filter_map(row).collect()
    };
    let (mut old, mut new) = (by_key(old), by_key(new));
    let pair = |key: &&'k str| Some((*key, [old.remove(*key)?, new.remove(*key)?]));
    Ok(keys.iter().filter_map(pair).collect())
}

impl Finding {
    /// Which side has a row, if the sides differ.
    #[must_use]
    pub fn form(&self) -> Option<Form> {
        let Verdict::Diverged { rows, .. } = &self.verdict else {
            return None;
        };
        Some(match (rows.old, rows.new) {
            (Some(_), None) => Form::OnlyOld,
            (None, Some(_)) => Form::OnlyNew,
            _ => Form::Differs,
        })
    }
}
