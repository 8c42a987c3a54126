//! The SQLSTATEs that the host acts on, by the names that PostgreSQL's documentation (appendix A) gives them.

/// A row refers to one that is not there, or is referred to by one that is.
pub(crate) const FOREIGN_KEY_VIOLATION: &str = "23503";
/// The transaction was read-only.
pub(crate) const READ_ONLY_SQL_TRANSACTION: &str = "25006";
/// The transaction could not be ordered among those beside it.
pub(crate) const SERIALIZATION_FAILURE: &str = "40001";
/// The transaction and others waited for each other.
pub(crate) const DEADLOCK_DETECTED: &str = "40P01";
/// A limit of PostgreSQL is passed, such as 1 GB for one value.
pub(crate) const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
/// The lock was not had within `lock_timeout`.
pub(crate) const LOCK_NOT_AVAILABLE: &str = "55P03";
/// The statement ran into `statement_timeout`, or somebody cancelled it.
pub(crate) const QUERY_CANCELED: &str = "57014";
