//! Calls of functions: `/rpc/NAME`.

use http::{HeaderMap, Method, header};
use turnout_vocabulary::{Arguments, Find, FunctionCall, Request};

use super::chosen::Chosen;
use super::query::Query;
use super::rows::{first_keys, media_type};
use super::{Accepted, Call, Dialect, Preferences, filter, window};
use crate::answer::AnswerForm;
use crate::error::Refusal;

/// Parses a call of the function `name`. `schemas` are those whose functions may be called, the default first.
///
/// # Errors
/// A [`Refusal`] if the request is malformed, or asks for something that the dialect or Turnout does not support.
pub fn parse_call(
    dialect: Dialect,
    method: &Method,
    (schemas, name): (&[&str], &str),
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Call, Refusal> {
    let read_only = matches!(*method, Method::GET | Method::HEAD);
    if !read_only && *method != Method::POST {
        return Err(Refusal::unsupported_method_of_function(method));
    }
    let profile = headers.get(if read_only { "accept-profile" } else { "content-profile" });
    let schema = match profile {
        None => schemas.first().copied().unwrap_or("public"),
        Some(named) => schemas
            .iter()
            .find(|schema| schema.as_bytes() == named.as_bytes())
            .ok_or_else(|| {
                Refusal::unacceptable_schema(&String::from_utf8_lossy(named.as_bytes()), &schemas.join(", "))
            })?,
    };
    let preferences = Preferences::parse(headers)?;
    let Accepted { media, explain } = Accepted::negotiate(dialect, headers)?;
    let (query, texts) = filter::without_arguments(Query::parse(query)?);
    let Chosen { select, filter, order } = Chosen::parse(dialect, &query)?;
    let range = (*method != Method::HEAD).then(|| headers.get(header::RANGE)).flatten();
    let window = window::parse(&query, range)?;
    let call = FunctionCall {
        schema: schema.to_owned(),
        name: name.to_owned(),
        arguments: if read_only {
            Arguments::Texts(texts)
        } else {
            arguments(headers, body)?
        },
        read_only,
        writes: false,
        result: Find {
            view: None,
            select,
            filter,
            order,
            window,
            count: preferences.count,
            single: media.is_single(),
            body: media.body(),
        },
        at_most: preferences.at_most(),
    };
    let request = Request::Call(call);
    let transaction = preferences.transaction(explain.clone());
    let answer = AnswerForm {
        action: request.action(),
        put: false,
        head: *method == Method::HEAD,
        offset: window.offset,
        media,
        explain,
        preferences,
        profile: profile.map(|_| schema.to_owned()),
        content_location: None,
    };
    Ok(Call {
        request,
        transaction,
        answer,
    })
}

/// What a body gives to a function.
fn arguments(headers: &HeaderMap, body: &[u8]) -> Result<Arguments, Refusal> {
    let text = || std::str::from_utf8(body).map_err(|_| Refusal::body_not_utf8());
    let whole = |type_name, text| Ok(Arguments::Whole { type_name, text });
    match media_type(headers).as_deref() {
        None | Some("application/json") => {
            let text = text()?.trim();
            let text = if text.is_empty() { "{}" } else { text };
            Ok(Arguments::Json {
                names: first_keys(text)?,
                text: text.to_owned(),
            })
        }
        Some("text/plain") => whole("text", text()?.to_owned()),
        Some("text/xml") => whole("xml", text()?.to_owned()),
        Some("application/octet-stream") => {
            let digits = body.iter().map(|byte| format!("{byte:02x}"));
            whole("bytea", digits.collect())
        }
        Some("application/x-www-form-urlencoded") => {
            let form = Query::parse(text()?)?;
            let texts = form.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
            Ok(Arguments::Texts(texts.collect()))
        }
        Some(other) => Err(Refusal::unacceptable_content_type(other)),
    }
}
