use std::collections::HashSet;

use turnout_vocabulary::{Repository, Request, Subject, SubjectRule};

/// Whose rows an operation touches, as far as it says so itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// It does not say: any row may be meant.
    Unnamed,
    /// The rows of these; `None` stands for rows that belong to nobody.
    Named(HashSet<Option<Subject>>),
}

impl Subjects {
    /// Reads them from the filter or the rows of an operation.
    pub(crate) fn of(request: &Request, repository: &Repository, rule: &SubjectRule) -> Self {
        let Some(column) = &repository.subject else {
            return Self::Named([None].into());
        };
        match request {
            Request::Insert(insert) => Self::Named(rule.subjects_in(insert.rows.subjects.iter().map(Option::as_deref))),
            Request::Call(_) => Self::Unnamed,
            Request::Find(_) | Request::Update(_) | Request::Delete(_) => {
                match request.filter().and_then(|filter| filter.pinned(column)) {
                    Some(values) => Self::Named(rule.subjects_in(values.into_iter().map(Some))),
                    None => Self::Unnamed,
                }
            }
        }
    }

    /// The subject, if it is one alone.
    pub(crate) fn only(&self) -> Option<&Subject> {
        match self {
            Self::Named(subjects) if subjects.len() == 1 => subjects.iter().next()?.as_ref(),
            Self::Named(_) | Self::Unnamed => None,
        }
    }

    /// These, and those that an update gives rows to.
    pub(crate) fn with_those_of_change(&self, request: &Request, repository: &Repository, rule: &SubjectRule) -> Self {
        let mut all = self.clone();
        if let (Self::Named(subjects), Request::Update(update), Some(column)) = (&mut all, request, &repository.subject)
            && update.change.columns.contains(column)
        {
            subjects.extend(rule.subjects_in(update.change.subjects.iter().map(Option::as_deref)));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::{Comparison, Delete, Filter, Operand, Operator, RepositoryId, Returning};

    use super::*;

    fn delete(filter: Filter) -> Request {
        Request::Delete(Delete {
            filter,
            returning: Returning::default(),
        })
    }

    fn clients(subject: Option<&str>) -> Repository {
        Repository {
            id: RepositoryId(0),
            name: "clients".into(),
            table: "clients".into(),
            schema: "public".into(),
            key: vec!["id".into()],
            subject: subject.map(Into::into),
            compared: vec![],
        }
    }

    #[test]
    fn two_spellings_are_one_subject_and_no_name_is_any_row() {
        let rule = SubjectRule::for_region("RU").unwrap();
        let phones = Filter::Compare(Comparison {
            field: "phone".into(),
            operator: Operator::In,
            operand: Operand::List(vec!["89686484488".into(), "+7 968 648-44-88".into()]),
        });
        let subject = rule.normalise("89686484488").unwrap();
        let repository = clients(Some("phone"));
        assert_eq!(
            Subjects::of(&delete(phones.clone()), &repository, &rule),
            Subjects::Named([Some(subject)].into())
        );
        assert_eq!(
            Subjects::of(&delete(Filter::default()), &repository, &rule),
            Subjects::Unnamed
        );
        assert_eq!(
            Subjects::of(&delete(phones), &clients(None), &rule),
            Subjects::Named([None].into())
        );
    }
}
