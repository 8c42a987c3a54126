//! Statements under the role of whoever called the host.

use std::borrow::Cow;

use turnout_vocabulary::{Backend, Caller};

use super::{Parameter, Statement};
use crate::error::Error;
use crate::schema::RoleSettings;
use crate::wire::texts_alone;

/// The statement that has `turnout.run_as` carry out another one for a caller, and answers as that one does.
pub(crate) fn as_caller<'a>(
    statement: &Statement<'_>,
    caller: &'a Caller,
    role: Option<&RoleSettings>,
    backend: Backend,
) -> Result<Statement<'a>, Error> {
    let texts = texts_alone(statement, backend)?;
    let mut carried = Statement::new(
        "select * from turnout.run_as($1, $2::json, $3, $4, $5::text[])",
        &[
            Parameter::text(&caller.role),
            Parameter::Text(settings(caller, role)),
            Parameter::text(caller.pre_request.as_deref().unwrap_or_default()),
            Parameter::Text(with_one_parameter(&statement.text).into()),
            Parameter::list(texts.into_iter().map(Option::unwrap_or_default)),
        ],
    );
    carried.timeout = role.and_then(|role| role.statement_timeout);
    Ok(carried)
}

/// The settings of the transaction, those of the role first, as a JSON object.
fn settings<'a>(caller: &'a Caller, role: Option<&RoleSettings>) -> Cow<'a, str> {
    let of_request = caller.settings.as_str();
    match role.filter(|role| !role.others.is_empty()) {
        None => of_request.into(),
        Some(role) => {
            // Texts always have a JSON form.
            let of_role = serde_json::to_string(&role.others).unwrap_or_default();
            let rest = of_request.trim_start_matches('{');
            let between = if rest.starts_with('}') { "" } else { "," };
            format!("{}{between}{rest}", of_role.trim_end_matches('}')).into()
        }
    }
}

/// A statement whose parameters are the elements of a single one, an array: `$2` becomes `($1)[2]`, outside of quotes.
fn with_one_parameter(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '$']) {
        let (before, from) = rest.split_at(at);
        written.push_str(before);
        let mark = &from[..1];
        let after = &from[1..];
        if mark == "$" {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = after.split_at(digits);
            written.push_str("($1)[");
            written.push_str(number);
            written.push(']');
            rest = after;
        } else {
            // A doubled quote ends a quotation and begins the next.
            let end = after.find(mark).map_or(from.len(), |end| end + 2);
            written.push_str(&from[..end]);
            rest = &from[end..];
        }
    }
    written.push_str(rest);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_role_come_before_those_of_the_request() {
        let mut role = RoleSettings::default();
        role.others.insert("timezone".into(), "a}\"b".into());
        for (of_request, both) in [
            (r#"{"a":"{1}"}"#, r#"{"timezone":"a}\"b","a":"{1}"}"#),
            ("{}", r#"{"timezone":"a}\"b"}"#),
        ] {
            let caller = Caller {
                role: "web".into(),
                is_anonymous: false,
                settings: of_request.into(),
                pre_request: None,
            };
            assert_eq!(settings(&caller, Some(&role)), both);
            assert_eq!(settings(&caller, None), of_request);
        }
    }

    #[test]
    fn only_parameters_outside_of_quotes_become_elements() {
        for (text, expected) in [
            ("select $1::text, $12::int4[]", "select ($1)[1]::text, ($1)[12]::int4[]"),
            (r#"select "a$1", "b""$2" = $3"#, r#"select "a$1", "b""$2" = ($1)[3]"#),
            ("select 'it''s $1' || $1", "select 'it''s $1' || ($1)[1]"),
            (r#"select "имя" = $1"#, r#"select "имя" = ($1)[1]"#),
            ("select 1", "select 1"),
        ] {
            assert_eq!(with_one_parameter(text), expected);
        }
    }
}
