use std::sync::Arc;

use turnout_backends::{Database, Group};
use turnout_policies::InForce;
use turnout_runtime::CallError;
use turnout_vocabulary::{Backend, PerBackend, RepositoryId, Span, SubjectRule};

use crate::obstacle::Obstacle;

/// What changes hands in a handoff.
pub(crate) struct Moving {
    pub(crate) backends: Arc<PerBackend<Database>>,
    pub(crate) rule: SubjectRule,
}

impl Moving {
    /// The tables, by their numbers on a side, that may hold rows whose authority changes.
    pub(crate) async fn tables(&self, side: Backend, next: &InForce) -> Result<Vec<(i16, RepositoryId)>, Obstacle> {
        let mut tables = self.backends[side].numbers().await?;
        tables.retain(|(_, repository)| next.span(*repository) == Span::Both);
        Ok(tables)
    }

    /// Whether the authority of a group was on this side and is not any more.
    pub(crate) fn moves_away(
        &self,
        side: Backend,
        next: &InForce,
        tables: &[(i16, RepositoryId)],
        group: &Group,
    ) -> Result<bool, CallError> {
        let Some((_, repository)) = tables.iter().find(|(number, _)| *number == group.number) else {
            return Ok(false);
        };
        let subject = self.rule.subject_in(group.subject.as_deref());
        Ok(next.agreed_authority(*repository, subject.as_ref())?.is_none()
            && next.authority(*repository, subject.as_ref())? != side)
    }
}
