//! The PostgREST dialect: requests into operations, outcomes into answers.
