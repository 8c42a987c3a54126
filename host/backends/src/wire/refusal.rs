use turnout_vocabulary::Backend;

use crate::error::{DatabaseError, Error, not_ready};

/// How PostgreSQL refuses a statement.
pub(crate) struct Refusal {
    /// The five characters that say what kind of error it is.
    pub(crate) sqlstate: String,
    /// The routine of PostgreSQL's source that raised the error; empty if the wire does not tell.
    pub(crate) routine: String,
    /// PostgreSQL's message.
    pub(crate) message: String,
    /// PostgreSQL's details, if it gave any.
    pub(crate) details: Option<String>,
    /// PostgreSQL's hint, if it gave any.
    pub(crate) hint: Option<String>,
}

impl Refusal {
    /// The error that it means.
    pub(crate) fn into_error(self, backend: Backend) -> Error {
        if let Some(refused) = crate::sql::refused_number_of_rows(&self.message) {
            return refused;
        }
        match self.sqlstate.as_str() {
            "TN001" => return Error::Fenced { backend },
            // A table of dirty keys that was rewritten means the same: what was taken must be taken anew.
            "TN002" | "TN003" => return Error::Dispossessed { backend },
            "22023" if self.message.contains("\"TimeZone\"") => return Error::UnknownTimezone,
            "42883" if crate::sql::names_an_old_type(&self.message) => return Error::Outdated { backend },
            _ => {}
        }
        if let Some(condition) = not_ready(&self.sqlstate, &self.routine) {
            return Error::NotReady {
                backend,
                condition,
                sqlstate: self.sqlstate,
            };
        }
        self.into_database_error(backend)
    }

    /// The error of a statement that is wrong.
    pub(crate) fn into_database_error(self, backend: Backend) -> Error {
        Error::Database(Box::new(DatabaseError {
            backend,
            sqlstate: self.sqlstate,
            message: self.message,
            details: self.details,
            hint: self.hint,
        }))
    }
}
