use std::borrow::Cow;
use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, Method};
use serde::Deserialize;
use serde_json::value::RawValue;
use turnout_postgrest::{Dialect, Refusal, parse};
use turnout_vocabulary::{
    Action, Comparison, Delete, Filter, Find, Insert, IsValue, Operand, Operator, PlacedReference, Reference,
    Repository, Request, Update,
};

use super::reference;

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
            reference::check(&reference?, earlier.len(), |place| earlier[place].returns_rows())?;
        }
        Ok(())
    }

    fn unfit(&self, reason: &str) -> Refusal {
        Refusal::invalid_transaction(format!("The action {} {reason}.", self.action().as_str()))
    }

    /// The request for the backend.
    pub(super) fn request(&self, dialect: Dialect, repository: &Repository) -> Result<Request, Refusal> {
        let method = match self.action {
            Wanted::Find => Method::GET,
            Wanted::Insert | Wanted::Upsert => Method::POST,
            Wanted::Update => Method::PATCH,
            Wanted::Delete => Method::DELETE,
        };
        let (rows, references) = self.rows_and_references()?;
        let call = parse(
            dialect,
            &method,
            repository,
            &self.query(),
            &self.headers(),
            rows.as_bytes(),
        )?;
        let mut request = call.request;
        if let Request::Find(Find { filter, .. })
        | Request::Update(Update { filter, .. })
        | Request::Delete(Delete { filter, .. }) = &mut request
        {
            let mut parts = vec![std::mem::take(filter)];
            for (column, value) in &self.matching {
                parts.push(equal(column, value)?);
            }
            *filter = Filter::All(parts);
        }
        if let Request::Insert(Insert { rows, .. }) | Request::Update(Update { change: rows, .. }) = &mut request {
            rows.references = references;
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

    /// The rows in the dialect's JSON, with null in place of references; and these.
    fn rows_and_references(&self) -> Result<(Cow<'_, str>, Vec<PlacedReference>), Refusal> {
        let Some(rows) = self.rows else {
            return Ok((Cow::Borrowed(""), Vec::new()));
        };
        let mut text = String::from("[");
        let mut references = Vec::new();
        for (row, values) in columns(rows).into_iter().enumerate() {
            text.push_str(if row > 0 { ",{" } else { "{" });
            for (place, (column, value)) in values.into_iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                text.push_str(&serde_json::Value::from(column.as_str()).to_string());
                text.push(':');
                let Some(reference) = reference::read(value) else {
                    text.push_str(value.get());
                    continue;
                };
                references.push(PlacedReference {
                    at: text.len(),
                    row,
                    column,
                    reference: reference?,
                });
                text.push_str("null");
            }
            text.push('}');
        }
        text.push(']');
        if references.is_empty() {
            return Ok((Cow::Borrowed(rows.get()), references));
        }
        Ok((Cow::Owned(text), references))
    }

    fn references(&self) -> impl Iterator<Item = Result<Reference, Refusal>> {
        let in_rows = self.rows.map(columns).unwrap_or_default();
        let in_rows = in_rows.into_iter().flat_map(BTreeMap::into_values);
        in_rows
            .chain(self.matching.values().copied())
            .filter_map(reference::read)
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

/// The filter for rows whose column has this value, or that which a reference stands for.
fn equal(column: &str, value: &RawValue) -> Result<Filter, Refusal> {
    let text = value.get();
    let (operator, operand) = match text.as_bytes().first() {
        Some(b'{') if let Some(reference) = reference::read(value) => (Operator::Eq, Operand::Reference(reference?)),
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
        field: column.into(),
        operator,
        operand,
    }))
}
