//! One call of the application, as data.

mod call;
mod caller;
mod field;
mod filter;
mod reference;
mod select;
mod shape;
mod transaction_settings;
mod write;

use std::fmt;

use uuid::Uuid;

pub use call::{Arguments, FunctionCall};
pub use caller::Caller;
pub use field::{Field, JsonKey, JsonStep};
pub use filter::{Comparison, Filter, IsValue, Operand, Operator, Quantifier, SearchForm};
pub use reference::{PlacedReference, Reference, Referred};
pub use select::{Embed, Selected};
pub use shape::{Aggregate, AggregateFunction, BodyForm, Column, Count, NullsOrder, OrderBy, Window};
pub use transaction_settings::{Explain, ExplainOption, TransactionSettings};
pub use write::{Conflict, Delete, Insert, Resolution, Returning, Rows, Update};

use crate::{RepositoryId, Subject};

/// One call of the application on one repository.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The id that the answer and the log line show.
    pub id: OperationId,
    /// The repository that the operation touches.
    pub repository: RepositoryId,
    /// The subject that the caller named in a header beside the request, if any.
    pub named_subject: Option<Subject>,
    /// What it asks of its transaction.
    pub transaction: TransactionSettings,
    /// What is asked for.
    pub request: Request,
}

/// What an operation asks for.
#[derive(Clone, Debug)]
pub enum Request {
    /// Reads rows.
    Find(Find),
    /// Adds rows. Where it names a [`Conflict`], it also updates rows whose key is taken.
    Insert(Insert),
    /// Changes rows that match a filter.
    Update(Update),
    /// Removes rows that match a filter.
    Delete(Delete),
    /// Calls a database function.
    Call(FunctionCall),
}

impl Request {
    /// The kind of operation.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Find(_) => Action::Find,
            Self::Insert(Insert { conflict: None, .. }) => Action::Insert,
            Self::Insert(_) => Action::Upsert,
            Self::Update(_) => Action::Update,
            Self::Delete(_) => Action::Delete,
            Self::Call(_) => Action::Call,
        }
    }

    /// What the answer holds of each row.
    #[must_use]
    pub fn select(&self) -> &[Selected] {
        let returning = match self {
            Self::Find(find) => return &find.select,
            Self::Call(call) => return &call.result.select,
            Self::Insert(insert) => &insert.returning,
            Self::Update(update) => &update.returning,
            Self::Delete(delete) => &delete.returning,
        };
        returning.rows.as_deref().unwrap_or_default()
    }

    /// Whether it may change rows.
    #[must_use]
    pub fn is_write(&self) -> bool {
        match self {
            Self::Call(call) => call.writes,
            other => other.action().is_write(),
        }
    }

    /// The view that it reads instead of the repository's table.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        match self {
            Self::Find(find) => find.view.as_deref(),
            _ => None,
        }
    }

    /// What the body of the answer is made of.
    #[must_use]
    pub fn body(&self) -> BodyForm {
        match self {
            Self::Find(find) => find.body,
            Self::Insert(insert) => insert.returning.body,
            Self::Update(update) => update.returning.body,
            Self::Delete(delete) => delete.returning.body,
            Self::Call(call) => call.result.body,
        }
    }

    /// The filter that chooses the rows, where there is one.
    #[must_use]
    pub fn filter(&self) -> Option<&Filter> {
        match self {
            Self::Find(find) => Some(&find.filter),
            Self::Update(update) => Some(&update.filter),
            Self::Delete(delete) => Some(&delete.filter),
            Self::Insert(_) | Self::Call(_) => None,
        }
    }
}

/// The kinds of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Reads rows.
    Find,
    /// Adds rows.
    Insert,
    /// Adds rows, and updates those whose key is taken.
    Upsert,
    /// Changes rows.
    Update,
    /// Removes rows.
    Delete,
    /// Calls a database function, which may change rows.
    Call,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 6] = [
        Self::Find,
        Self::Insert,
        Self::Upsert,
        Self::Update,
        Self::Delete,
        Self::Call,
    ];

    /// The action's word in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::Insert => "insert",
            Self::Upsert => "upsert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Call => "call",
        }
    }

    /// Whether the action always changes rows.
    #[must_use]
    pub const fn is_write(self) -> bool {
        !matches!(self, Self::Find | Self::Call)
    }
}

/// Reads rows of one repository, and rows of other tables that are related to them.
#[derive(Clone, Debug)]
pub struct Find {
    /// The view that is read instead of the repository's table. The view is made of that table, and maybe of others.
    pub view: Option<Box<View>>,
    /// What the answer holds of each row.
    pub select: Vec<Selected>,
    /// The rows of the answer.
    pub filter: Filter,
    /// The order of the rows.
    pub order: Vec<OrderBy>,
    /// The part of the rows that is wanted.
    pub window: Window,
    /// Whether and how all matching rows are counted, also those outside the window.
    pub count: Option<Count>,
    /// Whether the answer must be exactly one row: any other number is an error.
    pub single: bool,
    /// What the body is made of.
    pub body: BodyForm,
}

/// Every column of every row.
impl Default for Find {
    fn default() -> Self {
        Self {
            view: None,
            select: vec![Selected::Every],
            filter: Filter::default(),
            order: Vec::new(),
            window: Window::default(),
            count: None,
            single: false,
            body: BodyForm::default(),
        }
    }
}

/// A view that is read, or a table of another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether it is a table of another server, whose rows belong to no repository.
    pub is_foreign: bool,
}

/// Identifies one operation, in the answer's `x-turnout-operation` and in the log. Ids made later sort later.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OperationId(Uuid);

impl OperationId {
    /// A new id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl fmt::Debug for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
