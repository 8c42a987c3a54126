//! Which function a call means.

use turnout_vocabulary::{Arguments, FunctionCall};

use super::suggestion;
use crate::error::{Error, UnknownFunction};
use crate::schema::{Argument, Function, Schema};

/// How a function is given what the call holds.
pub(crate) enum Given<'s> {
    /// These arguments by name.
    Named(Vec<&'s Argument>),
    /// The whole body as its one argument.
    Whole(&'s Argument),
}

/// The function that a call means: one whose arguments have the names that the call gives, else one that takes the whole body.
pub(crate) fn called<'s>(schema: &'s Schema, call: &FunctionCall) -> Result<(&'s Function, Given<'s>), Error> {
    let names = call.arguments.names();
    let of_name = || {
        let functions = schema.functions().iter();
        functions.filter(|function| function.schema == call.schema && function.name == call.name)
    };
    let mut fitting: Vec<_> = of_name().filter(|function| fits(function, call, &names)).collect();
    if fitting.is_empty() {
        fitting = of_name().filter(|function| takes_whole(function, call)).collect();
    }
    match fitting[..] {
        [function] => Ok((function, given(function, &names))),
        [] => Err(unknown(schema, call, &names)),
        _ => {
            fitting.sort_by_key(|function| listed_by(function));
            Err(Error::AmbiguousFunction {
                candidates: fitting.into_iter().map(signature).collect(),
            })
        }
    }
}

/// Whether the names are those of all arguments that need a value, and of none that the function lacks. As in PostgREST the name of a
/// nameless argument that takes a body is the empty text.
fn fits(function: &Function, call: &FunctionCall, names: &[&str]) -> bool {
    let arguments = &function.arguments;
    if let Arguments::Whole { .. } = call.arguments {
        return false;
    }
    let is_given = |argument: &Argument| names.contains(&argument.name.as_str());
    arguments.iter().all(is_nameable)
        && arguments.iter().all(|argument| argument.optional || is_given(argument))
        && names
            .iter()
            .all(|name| arguments.iter().any(|argument| argument.name == *name))
}

fn given<'s>(function: &'s Function, names: &[&str]) -> Given<'s> {
    match &function.arguments[..] {
        [only] if only.name.is_empty() => Given::Whole(only),
        arguments => Given::Named(
            arguments
                .iter()
                .filter(|argument| names.contains(&argument.name.as_str()))
                .collect(),
        ),
    }
}

/// Whether PostgREST knows the argument by a name.
fn is_nameable(argument: &Argument) -> bool {
    !argument.name.is_empty() || matches!(argument.type_name.as_str(), "bytea" | "json" | "jsonb" | "text" | "xml")
}

fn takes_whole(function: &Function, call: &FunctionCall) -> bool {
    let [only] = &function.arguments[..] else { return false };
    only.name.is_empty()
        && match &call.arguments {
            Arguments::Texts(_) => false,
            Arguments::Json { .. } => matches!(only.type_name.as_str(), "json" | "jsonb"),
            Arguments::Whole { type_name, .. } => only.type_name == *type_name,
        }
}

/// What PostgREST sorts the functions of one name by: the number of arguments, then their names and types.
fn listed_by(function: &Function) -> (usize, Vec<(String, String)>) {
    let arguments = function.arguments.iter();
    let named = arguments.map(|argument| (argument.name.clone(), argument.type_name.clone()));
    (function.arguments.len(), named.collect())
}

fn signature(function: &Function) -> String {
    let arguments = function.arguments.iter();
    let arguments: Vec<_> = arguments
        .map(|Argument { name, type_name, .. }| format!("{name} => {type_name}"))
        .collect();
    format!("{}.{}({})", function.schema, function.name, arguments.join(", "))
}

fn unknown(schema: &Schema, call: &FunctionCall, names: &[&str]) -> Error {
    let functions = || {
        schema
            .functions()
            .iter()
            .filter(|function| function.schema == call.schema)
    };
    let of_name: Vec<String> = functions()
        .filter(|function| function.name == call.name)
        .map(|function| {
            let names = function.arguments.iter().map(|argument| argument.name.as_str());
            format!("({})", names.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let alike = if of_name.is_empty() {
        suggestion::among(functions().map(|function| function.name.as_str()), &call.name).map(str::to_owned)
    } else {
        let asked = format!("({})", names.join(", "));
        let arguments = suggestion::among(of_name.iter().map(String::as_str), &asked);
        arguments.map(|arguments| format!("{}{arguments}", call.name))
    };
    Error::UnknownFunction(Box::new(UnknownFunction {
        function: format!("{}.{}", call.schema, call.name),
        arguments: names.iter().map(|name| (*name).to_owned()).collect(),
        whole: match &call.arguments {
            Arguments::Texts(_) => None,
            Arguments::Json { .. } => Some("json/jsonb"),
            Arguments::Whole { type_name, .. } => Some(type_name),
        },
        alike: alike.map(|alike| format!("{}.{alike}", call.schema)),
    }))
}
