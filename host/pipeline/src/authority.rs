use std::collections::HashSet;

use turnout_vocabulary::{Action, Backend, PerBackend, Span, Subject};

use crate::Error;
use crate::Run;

impl Run<'_> {
    /// The authority of a subject's rows; an error while it changes.
    pub(crate) fn authority(&mut self, subject: Option<&Subject>) -> Result<Backend, Error> {
        let agreed = self.decide(|policies, repository| {
            policies
                .routing
                .note("authority", repository, |policy| policy.authority(repository, subject));
            policies.agreed_authority(repository, subject)
        })?;
        let authority = agreed.ok_or(Error::Moving)?;
        match self.policies.span(self.repository.id) {
            Span::One(backend) if backend != authority => {
                self.policies.routing.of(subject).note_contradiction("span");
                Err(Error::Contradiction)
            }
            _ => Ok(authority),
        }
    }

    /// The same for a write: of some, a second instance of the policy is asked, too.
    pub(crate) fn authority_of_write(&mut self, subject: Option<&Subject>) -> Result<Backend, Error> {
        let authority = self.authority(subject)?;
        let is_forced = self.policies.forced.is_some();
        if is_forced || self.policies.is_confirmed(self.repository.id, subject, authority) {
            Ok(authority)
        } else {
            Err(Error::Contradiction)
        }
    }

    /// Subjects by the authority of their rows, if the routing policy admits the operation for all of them.
    pub(crate) fn by_authority(
        &mut self,
        action: Action,
        subjects: HashSet<Option<Subject>>,
    ) -> Result<PerBackend<HashSet<Option<Subject>>>, Error> {
        let mut sorted = PerBackend::<HashSet<_>>::default();
        for subject in subjects {
            self.admit(action, subject.as_ref())?;
            sorted[self.authority_of_write(subject.as_ref())?].insert(subject);
        }
        Ok(sorted)
    }

    /// Those of these texts of the subject column whose authority the backend is.
    pub(crate) fn own(
        &mut self,
        action: Action,
        backend: Backend,
        texts: Vec<Option<String>>,
    ) -> Result<Vec<Option<String>>, Error> {
        let mut own = Vec::new();
        for text in texts {
            let subject = self.pipeline.rule.subject_in(text.as_deref());
            self.admit(action, subject.as_ref())?;
            if self.authority_of_write(subject.as_ref())? == backend {
                own.push(text);
            }
        }
        Ok(own)
    }
}
