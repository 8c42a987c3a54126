use std::collections::HashSet;

use turnout_vocabulary::{
    Action, Backend, Comparison, Conflict, Filter, Insert, IsValue, Operand, Operator, Outcome, Request, Resolution,
    Span, Subject,
};

use super::Run;
use crate::Error;
use crate::subjects::{Subjects, normalise};

impl Run<'_> {
    /// Writes to the authority of the rows, or does nothing.
    pub(super) async fn write(&mut self, mut request: Request, subjects: Subjects) -> Result<Outcome, Error> {
        let action = request.action();
        let authority = match subjects {
            Subjects::Named(subjects) => self.authority_of(action, &subjects)?,
            Subjects::Unnamed => {
                self.admit(action, None)?;
                match self.policies.span(self.repository.id) {
                    Span::One(backend) => Some(backend),
                    Span::Both => self.authority_of_matching(&mut request).await?,
                }
            }
        };
        // Nobody's rows are written: the authority of "no subject" tells the application so.
        let authority = match authority {
            Some(authority) => authority,
            None => self.authority(None)?,
        };
        self.keeps_authority(&request, authority).await?;

        let repository = self.repository;
        Ok(self
            .ask(authority, async |database| database.execute(repository, &request).await)
            .await?)
    }

    /// The one authority of these subjects; `None` if there are none.
    fn authority_of(&mut self, action: Action, subjects: &HashSet<Option<Subject>>) -> Result<Option<Backend>, Error> {
        let mut found = None;
        for subject in subjects {
            self.admit(action, subject.as_ref())?;
            let authority = self.authority(subject.as_ref())?;
            if found.is_some_and(|other| other != authority) {
                return Err(Error::SeveralAuthorities);
            }
            found = Some(authority);
        }
        Ok(found)
    }

    /// The one authority of the rows that a filter matches, when the filter names no subject. Each side is asked for
    /// the subjects of its matching rows, and has a say on those that it is the authority of. The request is then
    /// narrowed to them, be they none: the other rows are copies, or have changed hands meanwhile.
    async fn authority_of_matching(&mut self, request: &mut Request) -> Result<Option<Backend>, Error> {
        let action = request.action();
        let filter = request.filter().cloned().unwrap_or_default();
        let repository = self.repository;
        let (mut found, mut texts) = (None, Vec::new());
        for backend in Backend::ALL {
            let matching = self
                .ask(backend, async |database| database.subjects(repository, &filter).await)
                .await?;
            let own = self.own(action, backend, matching)?;
            if own.is_empty() {
                continue;
            }
            if found.replace(backend).is_some() {
                return Err(Error::SeveralAuthorities);
            }
            texts = own;
        }
        narrow(request, repository.subject.as_deref().unwrap_or_default(), texts);
        Ok(found)
    }

    /// Those of these texts of the subject column whose authority the backend is.
    fn own(
        &mut self,
        action: Action,
        backend: Backend,
        texts: Vec<Option<String>>,
    ) -> Result<Vec<Option<String>>, Error> {
        let mut own = Vec::new();
        for text in texts {
            let subjects = normalise([text.as_deref()].into_iter(), &self.pipeline.rule);
            if self.authority_of(action, &subjects)? == Some(backend) {
                own.push(text);
            }
        }
        Ok(own)
    }

    /// Refuses a write that takes rows from another authority, or hands rows to one.
    async fn keeps_authority(&mut self, request: &Request, authority: Backend) -> Result<(), Error> {
        let Some(column) = &self.repository.subject else {
            return Ok(());
        };
        match request {
            Request::Update(update) if update.change.columns.contains(column) => {
                for subject in normalise(update.change.subjects.iter().map(Option::as_deref), &self.pipeline.rule) {
                    if self.authority(subject.as_ref())? != authority {
                        return Err(Error::ChangesAuthority);
                    }
                }
                Ok(())
            }
            Request::Insert(insert) if self.may_merge_others(insert, column) => {
                let (action, repository) = (request.action(), self.repository);
                for backend in Backend::ALL {
                    let taken = self
                        .ask(backend, async |database| {
                            database.conflicting_subjects(repository, insert).await
                        })
                        .await?;
                    if !self.own(action, backend, taken)?.is_empty() && backend != authority {
                        return Err(Error::ChangesAuthority);
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether an upsert may change rows of subjects other than those that it sends.
    fn may_merge_others(&self, insert: &Insert, column: &String) -> bool {
        let merges =
            |conflict: &Conflict| conflict.resolution == Resolution::Merge && !conflict.columns.contains(column);
        insert.conflict.as_ref().is_some_and(merges) && self.policies.span(self.repository.id) == Span::Both
    }

    fn authority(&mut self, subject: Option<&Subject>) -> Result<Backend, Error> {
        let authority = self.decide(|policies, repository| policies.routing.authority(repository, subject))?;
        match self.policies.span(self.repository.id) {
            Span::One(backend) if backend != authority => Err(Error::Contradiction),
            _ => Ok(authority),
        }
    }
}

/// Adds to the filter of a request that the subject column holds one of these texts.
fn narrow(request: &mut Request, column: &str, texts: Vec<Option<String>>) {
    let compare = |operator, operand| {
        Filter::Compare(Comparison {
            column: column.to_owned(),
            operator,
            operand,
        })
    };
    let nobody = texts
        .contains(&None)
        .then(|| compare(Operator::Is, Operand::Is(IsValue::Null)));
    let named = compare(Operator::In, Operand::List(texts.into_iter().flatten().collect()));
    let own = Filter::Any(nobody.into_iter().chain([named]).collect());
    let (Request::Update(turnout_vocabulary::Update { filter, .. })
    | Request::Delete(turnout_vocabulary::Delete { filter, .. })) = request
    else {
        return;
    };
    *filter = Filter::All(vec![std::mem::take(filter), own]);
}
