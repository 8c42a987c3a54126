use std::time::{Duration, Instant};

use turnout_vocabulary::{Action, Backend, BodyForm, Conflict, Insert, Outcome, Request, Resolution, Said, Span};

use crate::Error;
use crate::Run;
use crate::part::Part;
use crate::subjects::Subjects;

/// A write that its authority has done.
pub(crate) struct Done {
    pub(crate) action: Action,
    pub(crate) subjects: Subjects,
    pub(crate) authority: Backend,
    pub(crate) took: Duration,
    /// Whether it hands a row to the other authority.
    pub(crate) hands_over: bool,
    pub(crate) outcome: Outcome,
}

impl Run<'_> {
    /// Writes to the authority of the rows, or does nothing. A write whose rows have different authorities is done in two
    /// parts, each atomic; what was done stays in `written` if the second fails, and what was not in `rest`.
    pub(crate) async fn write(&mut self, request: &Request) -> Result<Outcome, Error> {
        let mut parts = self.divide(request).await?;
        if parts.is_empty() {
            // Nobody's rows are written: the authority of "no subject" tells the application so.
            let authority = self.authority(None)?;
            parts.push(self.narrowed(request, authority, Vec::new()));
        }
        if parts.len() > 1 && self.transaction.explain.is_some() {
            // There is a plan on each side, and one answer.
            return Err(Error::SeveralAuthorities);
        }
        let split = parts.len() > 1 || self.written.is_some();
        let mut done = Vec::new();
        let mut failure = None;
        for part in parts {
            match self.write_part(&part).await {
                Ok(part) => done.push(part),
                Err(error) => {
                    self.rest = if done.is_empty() {
                        self.written.is_some().then(|| request.clone())
                    } else {
                        Some(part.request.into_owned())
                    };
                    failure = Some(error);
                    break;
                }
            }
        }
        for part in &done {
            let mirrored = self.mirror(part).await;
            failure = failure.or(mirrored.err());
        }
        for Done { authority, outcome, .. } in done {
            if split {
                *self.provenance.parts[authority].get_or_insert(0) += outcome.rows;
            }
            self.written = Some(match self.written.take() {
                Some(before) => joined(before, &outcome, request.body()),
                None => outcome,
            });
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(self.written.take().unwrap_or_default()),
        }
    }

    async fn write_part(&mut self, part: &Part<'_>) -> Result<Done, Error> {
        let Part { authority, request, .. } = part;
        let hands_over = self.hands_over(request, *authority).await?;
        let beside = self.read_beside(*authority, request, part.subjects.only()).await?;
        self.await_other_side(*authority, &beside.awaited).await;
        let began = Instant::now();
        let mut answer = self.execute(*authority, request).await;
        if answer.as_ref().is_err_and(Error::is_reference) && self.await_references(*authority).await {
            answer = self.execute(*authority, request).await;
        }
        Ok(Done {
            action: request.action(),
            subjects: part
                .subjects
                .with_those_of_change(request, self.repository, &self.pipeline.rule),
            authority: *authority,
            took: began.elapsed(),
            hands_over,
            outcome: answer?,
        })
    }

    pub(crate) async fn execute(&mut self, authority: Backend, request: &Request) -> Result<Outcome, Error> {
        let (repository, epoch) = (self.repository, self.policies.epoch);
        let transaction = self.transaction.clone();
        let answer = self
            .ask(authority, async |database| {
                database.execute_in(repository, request, &transaction, epoch).await
            })
            .await;
        Ok(answer?)
    }

    /// Whether an update hands rows to another authority. An upsert that takes rows from one is refused.
    pub(crate) async fn hands_over(&mut self, request: &Request, authority: Backend) -> Result<bool, Error> {
        let Some(column) = &self.repository.subject else {
            return Ok(false);
        };
        match request {
            Request::Update(update) if update.change.columns.contains(column) => {
                for subject in self
                    .pipeline
                    .rule
                    .subjects_in(update.change.subjects.iter().map(Option::as_deref))
                {
                    if self.authority(subject.as_ref())? != authority {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Request::Insert(insert) if self.may_merge_others(insert, column) => {
                let (repository, other) = (self.repository, authority.other());
                let taken = self
                    .ask(other, async |database| {
                        database.conflicting_subjects(repository, insert).await
                    })
                    .await?;
                if self.own(request.action(), other, taken)?.is_empty() {
                    Ok(false)
                } else {
                    Err(Error::ChangesAuthority)
                }
            }
            _ => Ok(false),
        }
    }

    /// Whether an upsert may change rows of subjects other than those that it sends.
    pub(crate) fn may_merge_others(&self, insert: &Insert, column: &String) -> bool {
        let merges =
            |conflict: &Conflict| conflict.resolution == Resolution::Merge && !conflict.columns.contains(column);
        insert.conflict.as_ref().is_some_and(merges) && self.policies.span(self.repository.id) == Span::Both
    }
}

/// One answer of two parts.
fn joined(first: Outcome, second: &Outcome, form: BodyForm) -> Outcome {
    let body = match form {
        BodyForm::Json | BodyForm::JsonWithoutNulls => joined_rows(first.body, &second.body),
        BodyForm::Csv => joined_lines(first.body, &second.body),
        BodyForm::GeoJson => joined_features(first.body, &second.body),
    };
    Outcome {
        body,
        rows: first.rows + second.rows,
        inserted: first.inserted + second.inserted,
        said: Said {
            headers: first.said.headers.or_else(|| second.said.headers.clone()),
            status: first.said.status.or_else(|| second.said.status.clone()),
        },
        ..Outcome::default()
    }
}

/// One JSON array of two, or nothing of nothing.
fn joined_rows(mut first: String, second: &str) -> String {
    match (first.as_str(), second) {
        ("" | "[]", _) => second.to_owned(),
        (_, "" | "[]") => first,
        _ => {
            first.pop();
            first.push(',');
            first.push_str(second.strip_prefix('[').unwrap_or(second));
            first
        }
    }
}

/// The features of both, or nothing of nothing.
fn joined_features(first: String, second: &str) -> String {
    let (Some(begin), Some(end)) = (first.find('['), first.rfind(']')) else {
        return second.to_owned();
    };
    let (Some(other_begin), Some(other_end)) = (second.find('['), second.rfind(']')) else {
        return first;
    };
    let features = joined_rows(first[begin..=end].to_owned(), &second[other_begin..=other_end]);
    format!("{}{features}{}", &first[..begin], &first[end + 1..])
}

/// The lines of both under the names of one. Without rows there is an empty line in the place of the names.
fn joined_lines(mut first: String, second: &str) -> String {
    match (first.as_str(), second.split_once('\n')) {
        ("" | "\n", _) => second.to_owned(),
        (_, None | Some(("", ""))) => first,
        (_, Some((_, lines))) => {
            first.push('\n');
            first.push_str(lines);
            first
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts_are_answered_as_one() {
        assert_eq!(joined_rows("[1]".into(), "[2]"), "[1,2]");
        assert_eq!(joined_rows("[]".into(), "[2]"), "[2]");
        assert_eq!(
            joined_features(r#"{"features" : [[1]]}"#.into(), r#"{"features" : [2]}"#),
            r#"{"features" : [[1],2]}"#
        );
        assert_eq!(joined_features(String::new(), ""), "");
        assert_eq!(joined_lines("a,b\n1,2".into(), "a,b\n3,4"), "a,b\n1,2\n3,4");
        assert_eq!(joined_lines("\n".into(), "a,b\n3,4"), "a,b\n3,4");
        assert_eq!(joined_lines("a,b\n1,2".into(), "\n"), "a,b\n1,2");
        assert_eq!(joined_lines(String::new(), ""), "");
    }
}
