use turnout_vocabulary::{Backend, Repository, Request, Span, Subject};

use crate::Error;
use crate::Run;

/// The other repositories whose rows an operation reads beside its own, all of which can be read on the side that answers.
#[derive(Default)]
pub(crate) struct Beside<'a> {
    repositories: Vec<&'a Repository>,
    /// Those of which rows may be on their way to the side that answers.
    pub(crate) awaited: Vec<&'a Repository>,
}

impl Beside<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.repositories.is_empty()
    }
}

impl<'a> Run<'a> {
    /// The other repositories whose rows an operation reads on a side beside its own: those that it embeds, and those that the views which
    /// it reads are made of. Tables that are no repositories have no authority, and are read as they are on that side.
    ///
    /// # Errors
    /// [`Error::NotReadable`] for a repository that has its rows on the other side and is not mirrored to this one.
    pub(crate) async fn read_beside(
        &mut self,
        side: Backend,
        request: &Request,
        subject: Option<&Subject>,
    ) -> Result<Beside<'a>, Error> {
        let own = self.repository;
        let tables = self
            .ask(side, async |database| database.read_beside(own, request).await)
            .await?;
        let mut beside = Beside::default();
        for table in tables {
            let is_table =
                |repository: &&Repository| repository.schema == table.schema && repository.table == table.table;
            let Some(repository) = self.pipeline.repositories.iter().find(is_table) else {
                continue;
            };
            if repository.id == own.id {
                continue;
            }
            let subject = subject.filter(|_| repository.subject.is_some());
            let authority = self.decide(|policies, _| policies.agreed_authority(repository.id, subject))?;
            let authority = authority.ok_or(Error::Moving)?;
            let is_elsewhere = authority != side;
            if is_elsewhere && !self.decide(|policies, _| policies.has_equal_sides(repository, subject)) {
                return Err(Error::NotReadable {
                    side,
                    repository: repository.name.clone(),
                    authority,
                    converging: self.policies.mirrored(repository.id, subject).unwrap_or_default(),
                });
            }
            let spans =
                subject.is_none() && repository.subject.is_some() && self.policies.span(repository.id) == Span::Both;
            if is_elsewhere || spans {
                beside.awaited.push(repository);
            }
            beside.repositories.push(repository);
        }
        Ok(beside)
    }

    /// Whether all of them are kept equal on both sides.
    pub(crate) fn are_equal(&mut self, beside: &Beside<'_>, subject: Option<&Subject>) -> bool {
        beside.repositories.iter().all(|repository| {
            let subject = subject.filter(|_| repository.subject.is_some());
            self.decide(|policies, _| policies.has_equal_sides(repository, subject))
        })
    }
}
