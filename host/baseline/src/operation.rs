use http::{HeaderMap, Method};
use turnout_postgrest::{Dialect, parse};
use turnout_vocabulary::{Repository, Request};

/// An operation that is carried out many times.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What it is called. It names no subject.
    pub name: String,
    pub(crate) repository: Repository,
    /// What is asked for, in turn.
    pub(crate) requests: Vec<Request>,
}

impl Operation {
    /// The reads of these queries of the dialect; `None` if the dialect refuses them.
    pub(crate) fn reads(name: String, repository: &Repository, queries: &[String]) -> Option<Self> {
        let requests = queries
            .iter()
            .map(|query| request(&Method::GET, repository, query, &[]));
        Self::of(name, repository, requests.collect::<Option<Vec<_>>>()?)
    }

    /// The insert of these rows, a JSON array; `None` if the dialect refuses it.
    pub(crate) fn insert(name: String, repository: &Repository, rows: &str) -> Option<Self> {
        let request = request(&Method::POST, repository, "", rows.as_bytes())?;
        Self::of(name, repository, vec![request])
    }

    fn of(name: String, repository: &Repository, requests: Vec<Request>) -> Option<Self> {
        (!requests.is_empty()).then(|| Self {
            name,
            repository: repository.clone(),
            requests,
        })
    }
}

fn request(method: &Method, repository: &Repository, query: &str, body: &[u8]) -> Option<Request> {
    let call = parse(Dialect::default(), method, repository, query, &HeaderMap::new(), body);
    Some(call.ok()?.request)
}
