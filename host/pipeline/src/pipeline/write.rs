use std::collections::HashSet;

use turnout_vocabulary::{
    Action, Backend, Comparison, Filter, IsValue, Operand, Operator, Outcome, Request, Span, Subject,
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
            Subjects::Unnamed => match self.policies.span(self.repository.id) {
                Span::One(backend) => {
                    self.admit(action, None)?;
                    Some(backend)
                }
                Span::Both => self.authority_of_matching(&mut request).await?,
            },
        };
        // Nobody's rows are touched: the authority of "no subject" says so to the application.
        let authority = match authority {
            Some(authority) => authority,
            None => self.authority(None)?,
        };
        self.keeps_authority(&request, authority)?;

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
    /// narrowed to them, so that a row which changes hands meanwhile is left alone.
    async fn authority_of_matching(&mut self, request: &mut Request) -> Result<Option<Backend>, Error> {
        let action = request.action();
        let filter = request.filter().cloned().unwrap_or_default();
        let repository = self.repository;
        let mut matching = None;
        for backend in Backend::ALL {
            let texts = self
                .ask(backend, async |database| database.subjects(repository, &filter).await)
                .await?;
            let mut own = Vec::new();
            for text in texts {
                let subjects = normalise([text.as_deref()].into_iter(), &self.pipeline.rule);
                if self.authority_of(action, &subjects)? == Some(backend) {
                    own.push(text);
                }
            }
            if !own.is_empty() && matching.replace((backend, own)).is_some() {
                return Err(Error::SeveralAuthorities);
            }
        }
        let Some((backend, texts)) = matching else {
            return Ok(None);
        };
        narrow(request, repository.subject.as_deref().unwrap_or_default(), texts);
        Ok(Some(backend))
    }

    /// Refuses an update that hands rows to a subject with another authority.
    fn keeps_authority(&mut self, request: &Request, authority: Backend) -> Result<(), Error> {
        let Request::Update(update) = request else {
            return Ok(());
        };
        let changes_subject = self
            .repository
            .subject
            .as_ref()
            .is_some_and(|column| update.change.columns.contains(column));
        if !changes_subject {
            return Ok(());
        }
        for subject in normalise(update.change.subjects.iter().map(Option::as_deref), &self.pipeline.rule) {
            if self.authority(subject.as_ref())? != authority {
                return Err(Error::ChangesAuthority);
            }
        }
        Ok(())
    }

    fn authority(&mut self, subject: Option<&Subject>) -> Result<Backend, Error> {
        Ok(self.decide(|policies, repository| policies.routing.authority(repository, subject))?)
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
