//! The errors of PostgREST, codes `PGRST…`, and the errors of PostgreSQL that the host finds before it asks a database.

use std::borrow::Cow;

use http::{HeaderValue, Method, StatusCode, header};
use turnout_vocabulary::Action;

use super::{Details, Refusal, Relationship};

/// Refusals that PostgREST has too.
impl Refusal {
    /// 400 `PGRST100`: a parameter breaks the grammar.
    pub(crate) fn parse_error(what: &str, text: &str, column: usize, details: String) -> Self {
        let message = format!("\"failed to parse {what} ({text})\" (line 1, column {column})");
        Self::new(StatusCode::BAD_REQUEST, "PGRST100", message).details(details)
    }

    /// 400 `PGRST100`: a parameter is not UTF-8.
    pub(crate) fn query_not_utf8() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "PGRST100", "failed to decode the query string")
            .details("A percent-encoded parameter is not UTF-8.")
    }

    /// 400 `PGRST102`: the body is not valid for a write.
    pub(crate) fn invalid_body(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "PGRST102", message)
    }

    /// 400 `PGRST102`: the body's type is not supported.
    pub(crate) fn unacceptable_content_type(mime: &str) -> Self {
        Self::invalid_body(&format!("Content-Type not acceptable: {mime}"))
    }

    fn unsatisfiable_range(details: impl Into<String>) -> Self {
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        Self::new(status, "PGRST103", "Requested range not satisfiable").details(details)
    }

    /// 416 `PGRST103`: the limit is negative, or no row is in both the limit and the `Range` header.
    pub(crate) fn negative_limit() -> Self {
        Self::unsatisfiable_range("Limit should be greater than or equal to zero.")
    }

    /// 416 `PGRST103`: the `Range` header ends before it begins.
    pub(crate) fn reversed_range() -> Self {
        Self::unsatisfiable_range(
            "The lower boundary must be lower than or equal to the upper boundary in the Range header.",
        )
    }

    /// 416 `PGRST103`: the range begins after the last row.
    pub(crate) fn range_out_of_bounds(offset: u32, total: u64) -> Self {
        Self::unsatisfiable_range(format!(
            "An offset of {offset} was requested, but there are only {total} rows."
        ))
    }

    /// 405 `PGRST105`: the filters of an upsert of one row are not one `eq` for each column of the key.
    pub(crate) fn not_the_key() -> Self {
        let message = "Filters must include all and only primary key columns with 'eq' operators";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST105", message)
    }

    /// 406 `PGRST106`: the caller named a schema that is not exposed.
    pub(crate) fn unacceptable_schema(named: &str, exposed: &str) -> Self {
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            "PGRST106",
            format!("Invalid schema: {named}"),
        )
        .hint(format!("Only the following schemas are exposed: {exposed}"))
    }

    /// 406 `PGRST107`: the `Accept` header names no media type that the host can answer with.
    pub(crate) fn unacceptable_media(ranges: &[Cow<str>]) -> Self {
        let message = format!("None of these media types are available: {}", ranges.join(", "));
        Self::new(StatusCode::NOT_ACCEPTABLE, "PGRST107", message)
    }

    /// 400 `PGRST108`: a parameter names a table that is not embedded.
    #[must_use]
    pub fn not_embedded(table: &str) -> Self {
        let message = format!("'{table}' is not an embedded resource in this request");
        Self::new(StatusCode::BAD_REQUEST, "PGRST108", message).hint(format!(
            "Verify that '{table}' is included in the 'select' query parameter."
        ))
    }

    /// 400 `PGRST114`: an upsert of one row has a limit or an offset.
    pub(crate) fn limited_put() -> Self {
        let message = "limit/offset querystring parameters are not allowed for PUT";
        Self::new(StatusCode::BAD_REQUEST, "PGRST114", message)
    }

    /// 400 `PGRST115`: an upsert of one row has another key in its body than in its filters. Nothing was written.
    #[must_use]
    pub fn another_key() -> Self {
        let message = "Payload values do not match URL in primary key column(s)";
        Self::new(StatusCode::BAD_REQUEST, "PGRST115", message)
    }

    /// 406 `PGRST116`: the caller asked for one row, and the result has none or several. A write has been rolled back.
    #[must_use]
    pub fn not_single(rows: u64) -> Self {
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            "PGRST116",
            "Cannot coerce the result to a single JSON object",
        )
        .details(format!("The result contains {rows} rows"))
    }

    /// 405 `PGRST117`: the method is not served.
    #[must_use]
    pub fn unsupported_method(method: &Method) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "PGRST117",
            format!("Unsupported HTTP method: {method}"),
        )
        .header(
            header::ALLOW,
            HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE"),
        )
    }

    /// 400 `PGRST118`: an order names a column of embedded rows of which there may be several.
    #[must_use]
    pub fn ordered_by_many(origin: &str, target: &str) -> Self {
        let message = format!("A related order on '{target}' is not possible");
        Self::new(StatusCode::BAD_REQUEST, "PGRST118", message).details(format!(
            "'{origin}' and '{target}' do not form a many-to-one or one-to-one relationship"
        ))
    }

    /// 400 `PGRST120`: a filter compares an embedded table with something else than null.
    #[must_use]
    pub fn embed_compared(target: &str) -> Self {
        let message = format!("Bad operator on the '{target}' embedded resource");
        Self::new(StatusCode::BAD_REQUEST, "PGRST120", message)
            .details("Only is null or not is null filters are allowed on embedded resources")
    }

    /// 405 `PGRST101`: functions are not called by this method.
    pub(crate) fn unsupported_method_of_function(method: &Method) -> Self {
        let message = format!("Cannot use the {method} method on RPC");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST101", message)
            .header(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"))
    }

    /// 400 `PGRST102`: the body is not UTF-8.
    pub(crate) fn body_not_utf8() -> Self {
        Self::invalid_body("The body is not UTF-8")
    }

    /// 500 `PGRST111`: a function or a trigger has set `response.headers` to something else than headers.
    pub(crate) fn invalid_response_headers() -> Self {
        let message =
            "response.headers guc must be a JSON array composed of objects with a single key and a string value";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "PGRST111", message)
    }

    /// 500 `PGRST112`: a function or a trigger has set `response.status` to something else than a status.
    pub(crate) fn invalid_response_status() -> Self {
        let message = "response.status guc must be a valid status code";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "PGRST112", message)
    }

    /// 404 `PGRST202`: there is no such function. `whole` names the types of the one nameless argument that would have taken the body.
    #[must_use]
    pub fn unknown_function(function: &str, arguments: &[String], whole: Option<&str>, alike: Option<&str>) -> Self {
        let names = arguments.join(", ");
        let only_whole = whole.is_some_and(|types| types != "json/jsonb");
        let called = match arguments {
            _ if only_whole => String::new(),
            [] => " without parameters".to_owned(),
            _ => format!("({names})"),
        };
        let searched = match arguments {
            _ if only_whole => String::new(),
            [] => " without parameters".to_owned(),
            [_] => format!(" with parameter {names}"),
            _ => format!(" with parameters {names}"),
        };
        let or_whole = match whole {
            Some(types) if only_whole => format!(" with a single unnamed {types} parameter"),
            Some(types) => format!(" or with a single unnamed {types} parameter"),
            None => String::new(),
        };
        let message = format!("Could not find the function {function}{called} in the schema cache");
        let mut refusal = Self::new(StatusCode::NOT_FOUND, "PGRST202", message).details(format!(
            "Searched for the function {function}{searched}{or_whole}, but no matches were found in the schema cache."
        ));
        refusal.body.hint = alike.map(|alike| format!("Perhaps you meant to call the function {alike}"));
        refusal
    }

    /// 300 `PGRST203`: several functions take these arguments.
    #[must_use]
    pub fn ambiguous_function(candidates: &[String]) -> Self {
        let message = format!(
            "Could not choose the best candidate function between: {}",
            candidates.join(", ")
        );
        Self::new(StatusCode::MULTIPLE_CHOICES, "PGRST203", message).hint(
            "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
        )
    }

    /// 400 `PGRST122`: the caller asked for strict handling and sent unknown preferences.
    pub(crate) fn invalid_preferences(unknown: &[&str]) -> Self {
        let message = "Invalid preferences given with handling=strict";
        Self::new(StatusCode::BAD_REQUEST, "PGRST122", message)
            .details(format!("Invalid preferences: {}", unknown.join(", ")))
    }

    /// 400 `PGRST123`: the configuration does not allow aggregates.
    pub(crate) fn aggregates_not_allowed() -> Self {
        let message = "Use of aggregate functions is not allowed";
        Self::new(StatusCode::BAD_REQUEST, "PGRST123", message)
    }

    /// 400 `PGRST124`: a write would have touched more rows than the caller allows. It has been rolled back.
    #[must_use]
    pub fn too_many_affected(rows: u64) -> Self {
        let message = "Query result exceeds max-affected preference constraint";
        Self::new(StatusCode::BAD_REQUEST, "PGRST124", message).details(format!("The query affects {rows} rows"))
    }

    /// 404 `PGRST125`: the path leads nowhere.
    #[must_use]
    pub fn invalid_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "PGRST125",
            "Invalid path specified in request URL",
        )
    }

    /// 400 `PGRST127`: PostgREST has the feature, and Turnout does not have it yet.
    #[must_use]
    pub fn not_implemented(details: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "PGRST127", "Feature not implemented").details(details)
    }

    /// 400 `PGRST128`: the caller limits the rows of a function that answers with one value.
    #[must_use]
    pub fn limited_value() -> Self {
        let message = "Function must return SETOF or TABLE when max-affected preference is used with handling=strict";
        Self::new(StatusCode::BAD_REQUEST, "PGRST128", message)
    }

    /// 400 `PGRST200`: no relationship leads to a table that is embedded. `suggestion` is a name that may have been meant, and the name in
    /// whose place.
    #[must_use]
    pub fn unknown_relationship(
        origin: &str,
        target: &str,
        hint: Option<&str>,
        schema: &str,
        suggestion: Option<&(String, String)>,
    ) -> Self {
        let message = format!("Could not find a relationship between '{origin}' and '{target}' in the schema cache");
        let using = hint.map_or_else(String::new, |hint| format!("' using the hint '{hint}"));
        let refusal = Self::new(StatusCode::BAD_REQUEST, "PGRST200", message).details(format!(
            "Searched for a foreign key relationship between '{origin}' and '{target}{using}' in the schema '{schema}', but no matches \
             were found."
        ));
        match suggestion {
            Some((meant, written)) => refusal.hint(format!("Perhaps you meant '{meant}' instead of '{written}'.")),
            None => refusal,
        }
    }

    /// 300 `PGRST201`: several relationships lead to a table that is embedded.
    #[must_use]
    pub fn ambiguous_relationship(origin: &str, target: &str, candidates: Vec<Relationship>) -> Self {
        let message =
            format!("Could not embed because more than one relationship was found for '{origin}' and '{target}'");
        let choices: Vec<_> = candidates
            .iter()
            .map(|candidate| format!("'{}'", candidate.choice))
            .collect();
        let mut refusal = Self::new(StatusCode::MULTIPLE_CHOICES, "PGRST201", message).hint(format!(
            "Try changing '{target}' to one of the following: {}. Find the desired relationship in the 'details' key.",
            choices.join(", ")
        ));
        refusal.body.details = Some(Details::Relationships(candidates));
        refusal
    }

    /// 400 `PGRST204`: a write names a column that the table does not have.
    #[must_use]
    pub fn unknown_written_column(table: &str, column: &str) -> Self {
        let message = format!("Could not find the '{column}' column of '{table}' in the schema cache");
        Self::new(StatusCode::BAD_REQUEST, "PGRST204", message)
    }

    /// 400 `21000`: an update or a delete has no filter. Supabase refuses it with the same words.
    #[must_use]
    pub fn unfiltered(action: Action, repository: &str) -> Self {
        let message = format!("{} requires a WHERE clause", action.as_str().to_uppercase());
        Self::new(StatusCode::BAD_REQUEST, "21000", message).hint(format!(
            "Give a filter, or set repositories.{repository}.unfiltered_writes = true in turnout.toml."
        ))
    }

    /// 404 `PGRST205`: there is no such repository. `alike` is the table that may have been meant, with its schema.
    #[must_use]
    pub fn unknown_table(schema: &str, table: &str, alike: Option<&str>) -> Self {
        let message = format!("Could not find the table '{schema}.{table}' in the schema cache");
        let mut refusal = Self::new(StatusCode::NOT_FOUND, "PGRST205", message);
        refusal.body.hint = alike.map(|alike| format!("Perhaps you meant the table '{alike}'"));
        refusal
    }

    /// 401 `PGRST301`: the request's key is none of the configured keys.
    #[must_use]
    pub fn wrong_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "PGRST301", "Invalid API key")
            .hint("Send a key that turnout.toml names.")
            .header(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer error=\"invalid_token\""),
            )
    }

    /// 401 `PGRST301`: the request's token can't be read, or nobody known has signed it.
    #[must_use]
    pub fn invalid_token(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "PGRST301", message).challenge(message)
    }

    /// 401 `PGRST303`: the request's token says something that keeps it from being valid now or here.
    #[must_use]
    pub fn invalid_claims(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "PGRST303", message).challenge(message)
    }

    /// Tells the caller to authenticate, and why the token does not do.
    fn challenge(self, message: &str) -> Self {
        let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{message}\"");
        match HeaderValue::from_str(&challenge) {
            Ok(challenge) => self.header(header::WWW_AUTHENTICATE, challenge),
            Err(_) => self,
        }
    }

    /// The same as the caller gets it: whoever has no token and lacks a privilege (42501) is asked for a token (401).
    #[must_use]
    pub fn to_caller(self, is_anonymous: bool) -> Self {
        if !is_anonymous || self.code() != "42501" {
            return self;
        }
        let refusal = self.header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..refusal
        }
    }

    /// 401 `PGRST302`: the request has no key.
    #[must_use]
    pub fn no_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "PGRST302", "Anonymous access is disabled")
            .hint("Send the key in the apikey header, or as a bearer token in the authorization header.")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 400 `42712`: two tables are embedded in the same rows under one name.
    #[must_use]
    pub fn embedded_twice(alias: &str) -> Self {
        let message = format!("table name \"{alias}\" specified more than once");
        Self::new(StatusCode::BAD_REQUEST, "42712", message)
    }

    /// 400 `42703`: a filter, an order or a selection names a column that the table does not have.
    #[must_use]
    pub fn unknown_column(table: &str, column: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "42703",
            format!("column {table}.{column} does not exist"),
        )
    }

    /// 400 `42704`: a cast names something that can't be a type.
    #[must_use]
    pub fn unknown_type(cast: &str) -> Self {
        let message = format!("type \"{cast}\" does not exist");
        Self::new(StatusCode::BAD_REQUEST, "42704", message)
    }

    /// 400 `54001`: a body nests objects and arrays deeper than PostgreSQL can store and the mirror can carry.
    pub(crate) fn nested_too_deep(deepest: usize) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "54001",
            "The JSON of the body is nested too deep",
        )
        .details(format!(
            "Objects and arrays may be nested {deepest} levels deep, the body's own levels included."
        ))
    }

    /// 400 `22021`: a parameter has U+0000, which PostgreSQL cannot store.
    pub(crate) fn nul_in_query() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "22021",
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        )
    }

    /// 400 `22P05`: a body has U+0000, which PostgreSQL cannot store.
    pub(crate) fn nul_in_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "22P05", "unsupported Unicode escape sequence")
            .details("\\u0000 cannot be converted to text.")
    }
}
