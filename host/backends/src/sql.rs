//! SQL written from operations: every value is a parameter, every identifier is checked against the schema and quoted.
//!
//! A statement depends only on the shape of an operation, never on its values, so few of them exist and each connection
//! keeps them prepared. Every statement answers with one row:
//!
//! | column | text of | meaning |
//! |---|---|---|
//! | 0 | JSON | the body |
//! | 1 | a number | rows found or written |
//! | 2 | a number or null | rows that match beyond the window |
//! | 3 | a number | rows that are new |
//! | 4 | a JSON array of texts, or null | the key of a single new row |
//! | 5 | a number or null | of a read the fence, of a write its transaction, where Turnout is installed |
//! | 6, 7 | texts or null | the settings `response.headers` and `response.status`, as functions and triggers have left them |

mod as_caller;
mod body;
mod call;
mod carried;
mod delete;
mod embed;
mod field;
mod filter;
mod find;
mod group;
mod insert;
mod selection;
mod statement;
mod subjects;
mod update;
mod written;

use turnout_vocabulary::{Reference, Request};

use crate::error::Error;
use crate::plan::{Scope, TARGET};

pub(crate) use as_caller::as_caller;
pub(crate) use call::call;
pub(crate) use carried::Carried;
pub(crate) use find::{is_estimated, planned_count};
pub(crate) use statement::{Parameter, Statement, names_an_old_type};
pub use statement::{quoted, quoted_text};
pub(crate) use subjects::{conflicting, distinct as distinct_subjects, sample as sampled_subjects, subjects};
pub(crate) use written::refused_number_of_rows;

/// The statement that carries out a request on its target, as one of a list if it is `listed`. It carries the epoch, where Turnout
/// is installed to check it.
pub(crate) fn statement<'a>(
    scope: &Scope<'_, 'a>,
    key: &[String],
    request: &'a Request,
    carried: Carried<'a>,
    listed: bool,
) -> Result<Statement<'a>, Error> {
    let mut statement = match request {
        Request::Find(find) => find::find(scope, find, carried, listed),
        Request::Insert(insert) => insert::insert(scope, key, insert, carried),
        Request::Update(update) => update::update(scope, key, update, carried),
        Request::Delete(delete) => delete::delete(scope, key, delete, carried),
        Request::Call(call) => Err(Error::Misplaced {
            function: call.name.clone(),
        }),
    }?;
    statement.check_types();
    Ok(statement)
}

/// What functions and triggers said of the answer: columns 6 and 7.
const SAID: &str =
    ", nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), '')";

/// The statement that answers with a JSON array of one text: the value of a reference.
pub(crate) fn referred(reference: &Reference) -> Statement<'_> {
    Statement::new(
        "select json_build_array($1::text)::text",
        &[Parameter::Reference(reference)],
    )
}

#[cfg(test)]
mod fixtures {
    use turnout_vocabulary::{Comparison, Filter, Operand, Operator};

    use crate::schema::{Generated, Table, TableColumn, TableKind};

    pub(super) fn clients() -> Table {
        let column = |name: &str, type_name: &str| TableColumn {
            name: name.into(),
            type_name: type_name.into(),
            compared_type: type_name.into(),
            not_null: false,
            default: None,
            generated: Generated::No,
        };
        Table {
            schema: "public".into(),
            name: "clients".into(),
            qualified: r#""public"."clients""#.into(),
            kind: TableKind::Plain,
            columns: vec![
                column("id", "integer"),
                column("phone", "text"),
                column("Full \"name\"", "text"),
                column("data", "jsonb"),
                column("tags", "text[]"),
                column("words", "tsvector"),
            ],
            primary_key: vec!["id".into()],
            unique_keys: vec![vec!["id".into()], vec!["phone".into()]],
            references: vec![],
            parts: vec![],
        }
    }

    pub(super) fn phone_is(phone: &str) -> Filter {
        Filter::Compare(Comparison {
            field: "phone".into(),
            operator: Operator::Eq,
            operand: Operand::Value(phone.into()),
        })
    }
}
