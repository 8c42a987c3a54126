use std::borrow::Cow;
use std::convert::Infallible;

use turnout_vocabulary::{
    Backend, Insert, PerBackend, PlacedReference, Reference, Referred, Request, Rows, Span, Update,
};

use super::Step;
use super::foreseen::Foreseen;
use crate::subjects::Subjects;
use crate::{Error, Run};

/// One operation of a transaction, as far as it is decided before anything is done.
pub(super) struct Decided<'t> {
    /// The operation, with what is foreseen in place of references that decide whose rows it touches.
    pub(super) request: Cow<'t, Request>,
    /// Those references, and what is foreseen of each.
    pub(super) values: Vec<(&'t Reference, Option<Referred>)>,
    pub(super) subjects: Subjects,
    /// The authority of its rows; `None` if any will do.
    pub(super) authority: Option<Backend>,
    /// Of a write that names no subject, where the authority can differ: the texts in the subject column of the rows that match on
    /// each side.
    pub(super) matching: Option<PerBackend<Vec<Option<String>>>>,
}

impl Decided<'_> {
    /// Whether something is foreseen of each reference that decides whose rows the operation touches.
    pub(super) fn is_foreseen(&self) -> bool {
        self.values.iter().all(|(_, value)| value.is_some())
    }

    /// Whether the rows that match depend on the transaction itself.
    pub(super) fn refers(&self) -> bool {
        self.request
            .filter()
            .is_some_and(|filter| !filter.references().is_empty())
    }

    /// The operation without references, for questions outside the transaction: null in place of what is not foreseen.
    pub(super) fn question(&self) -> Cow<'_, Request> {
        match &*self.request {
            Request::Insert(insert) if !insert.rows.references.is_empty() => {
                let mut insert = insert.clone();
                let json = insert
                    .rows
                    .resolved(|reference| Ok::<_, Infallible>(self.json(reference)));
                let Ok(json) = json;
                insert.rows = Rows {
                    json,
                    references: Vec::new(),
                    ..insert.rows
                };
                Cow::Owned(Request::Insert(insert))
            }
            request => Cow::Borrowed(request),
        }
    }

    fn json(&self, reference: &Reference) -> String {
        let value = self.values.iter().find(|(of, _)| *of == reference);
        let text = value.and_then(|(_, value)| value.as_ref()?.0.as_deref());
        serde_json::json!(text).to_string()
    }
}

impl Run<'_> {
    /// Decides an operation of a transaction, as far as can be said before anything is done.
    pub(super) async fn decide_step<'t>(
        &mut self,
        steps: &'t [Step],
        place: usize,
        foreseen: &Foreseen,
    ) -> Result<Decided<'t>, Error> {
        let request = &steps[place].request;
        if request.is_write() {
            self.refuse_frozen()?;
        }
        self.refuse_unfiltered(request)?;
        let deciding = self.deciding(request, steps, foreseen);
        let value = |reference| foreseen.value(reference, steps, &self.pipeline.repositories);
        let values: Vec<_> = deciding.into_iter().map(|of| (of, value(of))).collect();
        let request = with_values(request, self.repository.subject.as_deref(), &values);
        let subjects = Subjects::of(&request, self.repository, &self.pipeline.rule);
        let mut decided = Decided {
            request,
            values,
            subjects,
            authority: None,
            matching: None,
        };
        if decided.is_foreseen() {
            self.decide_authority(&mut decided).await?;
        }
        Ok(decided)
    }

    async fn decide_authority(&mut self, decided: &mut Decided<'_>) -> Result<(), Error> {
        let action = decided.request.action();
        if let Subjects::Named(named) = &decided.subjects {
            let shares = self.by_authority(action, named.clone())?;
            decided.authority = one_of(|backend| !shares[backend].is_empty())?;
            return Ok(());
        }
        self.admit(action, None)?;
        match self.policies.span(self.repository.id) {
            Span::One(authority) => decided.authority = Some(authority),
            Span::Both if !action.is_write() => {}
            Span::Both => {
                let mut matching = PerBackend::<Vec<_>>::default();
                let mut own = PerBackend::<Vec<_>>::default();
                if !decided.refers() {
                    for backend in Backend::ALL {
                        matching[backend] = self.matching(&decided.request, backend).await?;
                        own[backend] = self.own(action, backend, matching[backend].clone())?;
                    }
                }
                decided.authority = one_of(|backend| !own[backend].is_empty())?;
                decided.matching = Some(matching);
            }
        }
        Ok(())
    }

    /// The references of an operation that decide whose rows it touches, where that decides its authority.
    fn deciding<'t>(&self, request: &'t Request, steps: &[Step], foreseen: &Foreseen) -> Vec<&'t Reference> {
        let (Some(subject), Span::Both) = (&self.repository.subject, self.policies.span(self.repository.id)) else {
            return Vec::new();
        };
        let of_others = |reference: &Reference, compared: &[(&str, &Reference)]| {
            let repositories = &self.pipeline.repositories;
            !foreseen.name_own_row(reference, compared, self.repository, steps, repositories)
        };
        let mut deciding = Vec::new();
        if let Request::Insert(Insert { rows, .. }) | Request::Update(Update { change: rows, .. }) = request {
            let in_subject = rows.references.iter().filter(|placed| placed.column == *subject);
            deciding.extend(in_subject.map(|placed| &placed.reference));
        }
        match request {
            Request::Insert(insert) if self.may_merge_others(insert, subject) => {
                let named = insert.conflict.as_ref().map(|conflict| &conflict.columns);
                let target = named.filter(|named| !named.is_empty()).unwrap_or(&self.repository.key);
                let in_target = |placed: &&PlacedReference| target.contains(&placed.column);
                for placed in insert.rows.references.iter().filter(in_target) {
                    let row = insert.rows.references.iter().filter(|other| other.row == placed.row);
                    let row: Vec<_> = row.map(|other| (other.column.as_str(), &other.reference)).collect();
                    if of_others(&placed.reference, &row) {
                        deciding.push(&placed.reference);
                    }
                }
            }
            Request::Insert(_) | Request::Call(_) => {}
            Request::Find(_) | Request::Update(_) | Request::Delete(_) => {
                let filter = request.filter().filter(|filter| filter.pinned(subject).is_none());
                let compared = filter.map_or_else(Vec::new, |filter| filter.references());
                let names_subject = compared.iter().any(|(column, _)| column == subject);
                for (column, reference) in &compared {
                    let decides = if names_subject {
                        column == subject
                    } else {
                        request.action().is_write() && of_others(reference, &compared)
                    };
                    if decides {
                        deciding.push(*reference);
                    }
                }
            }
        }
        deciding
    }
}

/// The one backend of which this is true; `None` if it is true of neither.
fn one_of(is_it: impl Fn(Backend) -> bool) -> Result<Option<Backend>, Error> {
    match (is_it(Backend::Old), is_it(Backend::New)) {
        (true, true) => Err(Error::SeveralAuthorities),
        (true, false) => Ok(Some(Backend::Old)),
        (false, true) => Ok(Some(Backend::New)),
        (false, false) => Ok(None),
    }
}

/// A request with values in place of references in its filter, and as the subjects of its rows.
fn with_values<'t>(
    request: &'t Request,
    subject: Option<&str>,
    values: &[(&Reference, Option<Referred>)],
) -> Cow<'t, Request> {
    if values.is_empty() {
        return Cow::Borrowed(request);
    }
    let known = |reference: &Reference| {
        let (_, value) = values.iter().find(|(of, _)| *of == reference)?;
        value.clone()
    };
    let mut request = request.clone();
    match &mut request {
        Request::Find(find) => find.filter = find.filter.resolved(&known),
        Request::Update(update) => update.filter = update.filter.resolved(&known),
        Request::Delete(delete) => delete.filter = delete.filter.resolved(&known),
        Request::Insert(_) | Request::Call(_) => {}
    }
    if let Request::Insert(Insert { rows, .. }) | Request::Update(Update { change: rows, .. }) = &mut request {
        let Rows {
            references, subjects, ..
        } = rows;
        for placed in references
            .iter()
            .filter(|placed| Some(placed.column.as_str()) == subject)
        {
            if let (Some(place), Some(Referred(value))) = (subjects.get_mut(placed.row), known(&placed.reference)) {
                *place = value;
            }
        }
    }
    Cow::Owned(request)
}
