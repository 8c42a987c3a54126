//! Statements that run as one transaction: all or none of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;
use turnout_vocabulary::{Backend, Reference, Rows};

use super::{Answer, Failure, Json};
use crate::error::Error;
use crate::sql::{Parameter, Statement};

/// One statement of a list.
pub(crate) enum Listed<'a> {
    /// Its answer is kept. References of later statements count the answers that are kept.
    Run(Statement<'a>),
    /// It answers with a JSON array of texts. Unless all of them are among these, the transaction is taken back.
    Check(Statement<'a>, Vec<Option<String>>),
}

/// A list that was not done: all of it was taken back.
pub struct Undone<E> {
    /// The entry of the list to blame, by its place. `None` if it is none of them, or if the whole list may have been done.
    pub at: Option<usize>,
    /// Why.
    pub why: Why<E>,
}

/// Why a list was not done.
pub enum Why<E> {
    /// This failed.
    Failed(E),
    /// A check met these texts, and not all of them are among those that it allows.
    Unforeseen(Vec<Option<String>>),
    /// A reference stands for nothing, or for an array or an object where a single value is needed.
    Unresolved(Reference),
}

impl<E> Undone<E> {
    /// An error that no entry is to blame for.
    pub(crate) fn nowhere(error: E) -> Self {
        Self {
            at: None,
            why: Why::Failed(error),
        }
    }

    /// An error that this entry is to blame for.
    pub(crate) fn by(at: usize, error: E) -> Self {
        Self {
            at: Some(at),
            why: Why::Failed(error),
        }
    }

    /// The same with another error in place of this.
    pub(crate) fn map<F>(self, map: impl FnOnce(E) -> F) -> Undone<F> {
        let why = match self.why {
            Why::Failed(error) => Why::Failed(map(error)),
            Why::Unforeseen(texts) => Why::Unforeseen(texts),
            Why::Unresolved(reference) => Why::Unresolved(reference),
        };
        Undone { at: self.at, why }
    }
}

impl<'a> Listed<'a> {
    pub(crate) fn statement(&self) -> &Statement<'a> {
        let (Self::Run(statement) | Self::Check(statement, _)) = self;
        statement
    }

    /// Keeps the answer to the statement, or checks it.
    pub(super) fn settle(
        &self,
        mut answer: Answer,
        answers: &mut Vec<Answer>,
        of: Backend,
    ) -> Result<(), Why<Failure>> {
        let Self::Check(_, allowed) = self else {
            answers.push(answer);
            return Ok(());
        };
        let Json(texts): Json<Vec<Option<String>>> = answer
            .take(0)
            .map_err(|misread| Why::Failed(Failure::Refused(Error::unexpected(of, &misread))))?;
        if texts.iter().all(|text| allowed.contains(text)) {
            Ok(())
        } else {
            Err(Why::Unforeseen(texts))
        }
    }
}

/// The texts of a statement's parameters, `None` for null, given the answers that were kept so far. An error if one refers to
/// what is not there.
pub(super) fn texts<'s>(
    statement: &'s Statement<'_>,
    answers: &[Answer],
) -> Result<Vec<Option<Cow<'s, str>>>, Reference> {
    let parameters = statement.parameters.iter();
    let texts = parameters.map(|parameter| match parameter {
        Parameter::Text(text) => Ok(Some(Cow::Borrowed(text.as_ref()))),
        Parameter::Rows(rows) => with_values(rows, answers).map(|json| Some(Cow::Owned(json))),
        Parameter::Reference(reference) => {
            let text = value(reference, answers).ok_or(()).and_then(|json| single(&json));
            text.map(|text| text.map(Cow::Owned)).map_err(|()| (*reference).clone())
        }
    });
    texts.collect()
}

/// The same for a statement outside a list.
pub(crate) fn texts_alone<'s>(statement: &'s Statement<'_>, of: Backend) -> Result<Vec<Option<Cow<'s, str>>>, Error> {
    texts(statement, &[]).map_err(|_| Error::Unexpected {
        backend: of,
        reason: "a statement outside a list refers to an answer".to_owned(),
    })
}

fn with_values(rows: &Rows, answers: &[Answer]) -> Result<String, Reference> {
    rows.resolved(|reference| value(reference, answers).ok_or_else(|| reference.clone()))
}

/// The JSON of the value that a reference stands for, as the database wrote it.
fn value(reference: &Reference, answers: &[Answer]) -> Option<String> {
    let answer = answers.get(reference.operation)?;
    let Some((row, column)) = &reference.cell else {
        return answer.text(1).map(str::to_owned);
    };
    let rows: Vec<BTreeMap<String, &RawValue>> = serde_json::from_str(answer.text(0)?).ok()?;
    let value = rows.get(*row)?.get(column)?;
    Some(value.get().to_owned())
}

/// The text of a value: the content of a string, `None` for null. An array and an object have none.
fn single(json: &str) -> Result<Option<String>, ()> {
    match json.as_bytes() {
        [] | [b'[' | b'{', ..] => Err(()),
        [b'"', ..] => serde_json::from_str(json).map(Some).map_err(drop),
        [b'n', ..] => Ok(None),
        _ => Ok(Some(json.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::PlacedReference;

    use super::*;

    fn cell(row: usize, column: &str) -> Reference {
        Reference {
            operation: 0,
            cell: Some((row, column.to_owned())),
        }
    }

    fn answers() -> [Answer; 1] {
        let body = r#"[{"id":12345678901234567890.10,"a.b":null,"name":"\"x\"","tags":[1]}]"#;
        [Answer::new(vec![Some(body.to_owned()), Some("1".to_owned())])]
    }

    #[test]
    fn a_reference_stands_for_a_value_exactly_as_the_database_wrote_it() {
        let count = Reference {
            operation: 0,
            cell: None,
        };
        for (reference, expected) in [
            (cell(0, "id"), Some(Some("12345678901234567890.10"))),
            (cell(0, "a.b"), Some(None)),
            (cell(0, "name"), Some(Some(r#""x""#))),
            (count, Some(Some("1"))),
            (cell(0, "tags"), None),
            (cell(0, "colour"), None),
            (cell(1, "id"), None),
        ] {
            let statement = Statement::new("select $1", &[Parameter::Reference(&reference)]);
            let texts = texts(&statement, &answers());
            let expected = expected.map(|text| vec![text.map(Into::into)]);
            assert_eq!(
                texts.map_err(|of| of.to_string()),
                expected.ok_or(reference.to_string())
            );
        }
    }

    #[test]
    fn values_stand_in_rows_as_json() {
        let place = |at, column: &str| PlacedReference {
            at,
            row: 0,
            column: column.to_owned(),
            reference: cell(0, column),
        };
        let rows = Rows {
            json: r#"[{"a":null,"b":null,"c":null}]"#.into(),
            references: vec![place(6, "name"), place(24, "tags")],
            ..Rows::default()
        };
        let statement = Statement::new("select $1", &[Parameter::rows(&rows)]);
        assert_eq!(
            texts(&statement, &answers()).unwrap(),
            [Some(r#"[{"a":"\"x\"","b":null,"c":[1]}]"#.into())]
        );
    }

    #[test]
    fn a_check_allows_its_texts_only() {
        let check = Listed::Check(Statement::default(), vec![None, Some("8".into())]);
        let meets = |json: &str| check.settle(Answer::new(vec![Some(json.into())]), &mut Vec::new(), Backend::Old);
        assert!(meets(r#"["8",null]"#).is_ok() && meets("[]").is_ok());
        assert!(matches!(meets(r#"["8","9"]"#), Err(Why::Unforeseen(texts)) if texts.len() == 2));
    }
}
