use std::borrow::Cow;
use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, Method};
use serde::Deserialize;
use serde_json::value::RawValue;
use turnout_postgrest::{Refusal, parse};
use turnout_vocabulary::{
    Action, Comparison, Delete, Filter, Find, IsValue, Operand, Operator, Outcome, Repository, Request, Update,
};

use super::reference::Reference;

/// Columns with their values as JSON text.
type Columns<'b> = BTreeMap<String, &'b RawValue>;

/// One operation, as the caller describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description<'b> {
    action: Wanted,
    pub(super) repository: String,
    filter: Option<String>,
    #[serde(rename = "match", borrow, default)]
    matching: Columns<'b>,
    #[serde(borrow)]
    rows: Option<&'b RawValue>,
    select: Option<String>,
    on_conflict: Option<String>,
    #[serde(default)]
    resolution: Resolution,
    #[serde(rename = "return", default)]
    returned: Returned,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    Find,
    Insert,
    Upsert,
    Update,
    Delete,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Resolution {
    #[default]
    MergeDuplicates,
    IgnoreDuplicates,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Returned {
    #[default]
    Representation,
    Minimal,
}

impl Description<'_> {
    /// The operation's kind.
    pub(super) fn action(&self) -> Action {
        match self.action {
            Wanted::Find => Action::Find,
            Wanted::Insert => Action::Insert,
            Wanted::Upsert => Action::Upsert,
            Wanted::Update => Action::Update,
            Wanted::Delete => Action::Delete,
        }
    }

    /// Whether the answer has rows.
    pub(super) fn returns_rows(&self) -> bool {
        self.returned == Returned::Representation
    }

    /// Whether the operation needs answers to earlier operations.
    pub(super) fn refers(&self) -> bool {
        self.references().next().is_some()
    }

    /// Refuses an operation whose parts contradict each other, or whose references do not fit the operations before it.
    pub(super) fn check(&self, earlier: &[Self]) -> Result<(), Refusal> {
        let takes_rows = !matches!(self.action, Wanted::Find | Wanted::Delete);
        let takes_filter = !matches!(self.action, Wanted::Insert | Wanted::Upsert);
        if takes_rows != self.rows.is_some() {
            let need = if takes_rows { "needs" } else { "takes no" };
            return Err(self.unfit(&format!("{need} `rows`")));
        }
        if !takes_filter && (self.filter.is_some() || !self.matching.is_empty()) {
            return Err(self.unfit("takes no `filter` and no `match`"));
        }
        for reference in self.references() {
            reference?.check(earlier.len(), |place| earlier[place].returns_rows())?;
        }
        Ok(())
    }

    fn unfit(&self, reason: &str) -> Refusal {
        Refusal::invalid_transaction(format!("The action {} {reason}.", self.action().as_str()))
    }

    /// The request for the backend, given the answers to earlier operations.
    pub(super) fn request(&self, repository: &Repository, answers: &[Outcome]) -> Result<Request, Refusal> {
        let method = match self.action {
            Wanted::Find => Method::GET,
            Wanted::Insert | Wanted::Upsert => Method::POST,
            Wanted::Update => Method::PATCH,
            Wanted::Delete => Method::DELETE,
        };
        let rows = self.resolved_rows(answers)?;
        let call = parse(&method, repository, &self.query(), &self.headers(), rows.as_bytes())?;
        let mut request = call.request;
        if let Request::Find(Find { filter, .. })
        | Request::Update(Update { filter, .. })
        | Request::Delete(Delete { filter, .. }) = &mut request
        {
            let mut parts = vec![std::mem::take(filter)];
            for (column, value) in &self.matching {
                parts.push(equal(column, &Reference::resolved(value, answers)?)?);
            }
            *filter = Filter::All(parts);
        }
        Ok(request)
    }

    fn query(&self) -> String {
        let mut query = self.filter.clone().unwrap_or_default();
        for (name, value) in [("select", &self.select), ("on_conflict", &self.on_conflict)] {
            if let Some(value) = value {
                query = format!("{name}={}&{query}", turnout_postgrest::encode(value));
            }
        }
        query
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.action == Wanted::Upsert {
            let resolution = match self.resolution {
                Resolution::MergeDuplicates => "resolution=merge-duplicates",
                Resolution::IgnoreDuplicates => "resolution=ignore-duplicates",
            };
            headers.append("prefer", HeaderValue::from_static(resolution));
        }
        if self.returns_rows() {
            headers.append("prefer", HeaderValue::from_static("return=representation"));
        }
        headers
    }

    /// The rows in the dialect's JSON, with values in place of references.
    fn resolved_rows(&self, answers: &[Outcome]) -> Result<Cow<'_, str>, Refusal> {
        let Some(rows) = self.rows else {
            return Ok(Cow::Borrowed(""));
        };
        if !self.refers() {
            return Ok(Cow::Borrowed(rows.get()));
        }
        let resolve = |row: Columns| {
            let values = row.into_iter();
            let values = values.map(|(column, value)| Ok((column, Reference::resolved(value, answers)?)));
            values.collect::<Result<BTreeMap<_, _>, Refusal>>()
        };
        let rows = columns(rows).into_iter().map(resolve).collect::<Result<Vec<_>, _>>()?;
        let text = serde_json::to_string(&rows).map_err(|error| Refusal::internal(error.to_string()))?;
        Ok(Cow::Owned(text))
    }

    fn references(&self) -> impl Iterator<Item = Result<Reference, Refusal>> {
        let in_rows = self.rows.map(columns).unwrap_or_default();
        let in_rows = in_rows.into_iter().flat_map(BTreeMap::into_values);
        in_rows
            .chain(self.matching.values().copied())
            .filter_map(Reference::read)
    }
}

/// The columns of each row. No row if the dialect will refuse the rows anyway.
fn columns(rows: &RawValue) -> Vec<Columns<'_>> {
    if rows.get().starts_with('{') {
        serde_json::from_str(rows.get()).map(|row| vec![row])
    } else {
        serde_json::from_str(rows.get())
    }
    .unwrap_or_default()
}

/// The filter for rows whose column has this value.
fn equal(column: &str, value: &RawValue) -> Result<Filter, Refusal> {
    let text = value.get();
    let (operator, operand) = match text.as_bytes().first() {
        Some(b'n') => (Operator::Is, Operand::Is(IsValue::Null)),
        Some(b'"') => {
            let content = serde_json::from_str(text).map_err(|error| Refusal::internal(error.to_string()))?;
            (Operator::Eq, Operand::Value(content))
        }
        Some(b'{' | b'[') => {
            let details = format!("`match` compares column {column} with an array or an object; give a single value.");
            return Err(Refusal::invalid_transaction(details));
        }
        _ => (Operator::Eq, Operand::Value(text.to_owned())),
    };
    Ok(Filter::Compare(Comparison {
        column: column.to_owned(),
        operator,
        operand,
    }))
}
