use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;
use turnout_vocabulary::{
    Backend, Comparison, Delete, Filter, Insert, IsValue, Operand, Operator, Request, Rows, Span, Subject, SubjectRule,
    Update,
};

use crate::Error;
use crate::Run;
use crate::subjects::Subjects;

/// That part of a write which has one authority.
pub(crate) struct Part<'r> {
    pub(crate) authority: Backend,
    pub(crate) request: Cow<'r, Request>,
    pub(crate) subjects: Subjects,
}

impl Run<'_> {
    /// A write by authority; nothing if it touches nobody's rows. One whose number of rows is limited is not split.
    pub(crate) async fn divide<'r>(&mut self, request: &'r Request) -> Result<Vec<Part<'r>>, Error> {
        let parts = match Subjects::of(request, self.repository, &self.pipeline.rule) {
            Subjects::Named(subjects) => self.divide_named(request, subjects)?,
            Subjects::Unnamed => {
                self.admit(request.action(), None)?;
                match self.policies.span(self.repository.id) {
                    Span::One(authority) => vec![Part {
                        authority,
                        request: Cow::Borrowed(request),
                        subjects: Subjects::Unnamed,
                    }],
                    Span::Both => self.divide_matching(request).await?,
                }
            }
        };
        if parts.len() > 1 && counts_its_rows(request) {
            return Err(Error::SeveralAuthorities);
        }
        Ok(parts)
    }

    /// The parts of a write that names its subjects.
    fn divide_named<'r>(
        &mut self,
        request: &'r Request,
        subjects: HashSet<Option<Subject>>,
    ) -> Result<Vec<Part<'r>>, Error> {
        let shares = self.by_authority(request.action(), subjects)?;
        let whole = shares.old.is_empty() || shares.new.is_empty();
        let column = self.repository.subject.as_deref().unwrap_or_default();
        let mut parts = Vec::new();
        for authority in Backend::ALL {
            let share = &shares[authority];
            if share.is_empty() {
                continue;
            }
            let request = if whole {
                Cow::Borrowed(request)
            } else {
                Cow::Owned(share_of(request, column, share, &self.pipeline.rule)?)
            };
            parts.push(Part {
                authority,
                request,
                subjects: Subjects::Named(share.clone()),
            });
        }
        Ok(parts)
    }

    /// The parts of a write whose filter names no subject. Each side is asked for the subjects of its matching rows, and
    /// has a say on those that it is the authority of. The request is then narrowed to them: the other rows are copies, or
    /// have changed hands meanwhile.
    async fn divide_matching<'r>(&mut self, request: &Request) -> Result<Vec<Part<'r>>, Error> {
        let mut parts = Vec::new();
        for authority in Backend::ALL {
            let texts = self.own_matching(request, authority).await?;
            if !texts.is_empty() {
                parts.push(self.narrowed(request, authority, texts));
            }
        }
        Ok(parts)
    }

    /// The texts of the subject column among the rows that match on a backend and that it is the authority of.
    async fn own_matching(&mut self, request: &Request, backend: Backend) -> Result<Vec<Option<String>>, Error> {
        let matching = self.matching(request, backend).await?;
        self.own(request.action(), backend, matching)
    }

    /// The texts of the subject column among the rows that match on a backend.
    pub(crate) async fn matching(&mut self, request: &Request, backend: Backend) -> Result<Vec<Option<String>>, Error> {
        let repository = self.repository;
        let everything = Filter::default();
        let filter = request.filter().unwrap_or(&everything);
        let ask = async |database: &turnout_backends::Database| database.subjects(repository, filter).await;
        Ok(self.ask(backend, ask).await?)
    }

    /// The part of a write that touches rows with these texts in the subject column only.
    pub(crate) fn narrowed<'r>(&self, request: &Request, authority: Backend, texts: Vec<Option<String>>) -> Part<'r> {
        let subjects = self.pipeline.rule.subjects_in(texts.iter().map(Option::as_deref));
        let mut request = request.clone();
        narrow(
            &mut request,
            self.repository.subject.as_deref().unwrap_or_default(),
            texts,
        );
        Part {
            authority,
            request: Cow::Owned(request),
            subjects: Subjects::Named(subjects),
        }
    }
}

/// Whether the number of its rows decides whether it is done at all.
fn counts_its_rows(request: &Request) -> bool {
    match request {
        Request::Find(find) => find.single,
        Request::Call(_) => false,
        Request::Insert(Insert { keyed: Some(_), .. }) => true,
        Request::Insert(Insert { returning, .. })
        | Request::Update(Update { returning, .. })
        | Request::Delete(Delete { returning, .. }) => returning.single || returning.at_most.is_some(),
    }
}

/// A write as far as it touches rows of these subjects. It names them.
fn share_of(
    request: &Request,
    column: &str,
    share: &HashSet<Option<Subject>>,
    rule: &SubjectRule,
) -> Result<Request, Error> {
    let is_in = |text: Option<&str>| share.contains(&rule.subject_in(text));
    let mut request = request.clone();
    if let Request::Insert(insert) = &mut request {
        let Rows { json, subjects, .. } = &mut insert.rows;
        let rows: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| Error::SeveralAuthorities)?;
        let chosen = rows.into_iter().zip(&*subjects);
        let chosen: Vec<_> = chosen
            .filter(|(_, text)| is_in(text.as_deref()))
            .map(|(row, _)| row.get())
            .collect();
        let chosen = format!("[{}]", chosen.join(","));
        *json = chosen;
        subjects.retain(|text| is_in(text.as_deref()));
    } else {
        let pinned = request
            .filter()
            .and_then(|filter| filter.pinned(column))
            .unwrap_or_default();
        let texts = pinned.into_iter().filter(|text| is_in(Some(text)));
        let texts = texts.map(|text| Some(text.to_owned())).collect();
        narrow(&mut request, column, texts);
    }
    Ok(request)
}

/// Adds to the filter of a request that the subject column holds one of these texts.
fn narrow(request: &mut Request, column: &str, texts: Vec<Option<String>>) {
    let compare = |operator, operand| {
        Filter::Compare(Comparison {
            field: column.into(),
            operator,
            operand,
        })
    };
    let nobody = texts
        .contains(&None)
        .then(|| compare(Operator::Is, Operand::Is(IsValue::Null)));
    let named = compare(Operator::In, Operand::List(texts.into_iter().flatten().collect()));
    let own = Filter::Any(nobody.into_iter().chain([named]).collect());
    let (Request::Update(Update { filter, .. }) | Request::Delete(Delete { filter, .. })) = request else {
        return;
    };
    *filter = Filter::All(vec![std::mem::take(filter), own]);
}
