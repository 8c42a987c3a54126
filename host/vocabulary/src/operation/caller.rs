use std::fmt;
use std::sync::Arc;

/// On whose behalf an operation runs, where its request carries a token: under a role of the database, with what the application's
/// functions and policies may ask about the request. `Debug` shows the role alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    /// The role.
    pub role: String,
    /// Whether it is the role of requests without a token.
    pub is_anonymous: bool,
    /// Settings of the transaction, as a JSON object of texts: `request.jwt.claims`, `request.headers` and the like.
    pub settings: String,
    /// The function that is called first and may refuse the request, as SQL names it.
    pub pre_request: Option<Arc<str>>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}
