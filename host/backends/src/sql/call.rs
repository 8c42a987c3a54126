//! Calls of functions.

use std::borrow::Cow;

use turnout_vocabulary::{Arguments, BodyForm, Count, FunctionCall, Request, Window};

use super::carried::Carried;
use super::filter::write_where;
use super::find::{write_order, write_window};
use super::{Parameter, SAID, Statement, TARGET, body, embed, selection, written};
use crate::error::Error;
use crate::plan::{Given, Scope};
use crate::schema::{Argument, Function, Schema, Shaped, Table, TableKind};

/// A row of a table that the function answered with.
const TUPLE: &str = "(_turnout_called._turnout_tuple)";

/// Calls a function, and makes the answer of its result: the columns of every answer.
pub(crate) fn call<'a>(
    schema: &Schema,
    (function, given): (&Function, Given<'_>),
    request: &'a Request,
    call: &'a FunctionCall,
    carried: Carried<'a>,
) -> Result<Statement<'a>, Error> {
    if call.at_most.is_some() && !function.result.set {
        return Err(Error::LimitedValue {
            function: function.name.clone(),
        });
    }
    let columns;
    let scope = match &function.result.shape {
        Shaped::Row(place) => {
            let mut scope = Scope::target(schema, *place, request)?;
            scope.alias = Cow::Borrowed(TUPLE);
            Some(scope)
        }
        Shaped::Columns(found) => {
            columns = Table {
                schema: function.schema.clone(),
                name: function.name.clone(),
                qualified: "_turnout_called".to_owned(),
                kind: TableKind::View,
                columns: found.clone(),
                primary_key: Vec::new(),
                unique_keys: Vec::new(),
                references: Vec::new(),
                parts: Vec::new(),
            };
            Some(Scope::of(&columns))
        }
        Shaped::Void | Shaped::Scalar => None,
    };
    let mut statement = Statement::default();
    statement.sql("with _turnout_called as materialized (select ");
    match &function.result.shape {
        Shaped::Row(_) => statement.sql(TARGET).sql(" as _turnout_tuple"),
        Shaped::Columns(_) => statement.sql(TARGET).sql(".*"),
        Shaped::Void | Shaped::Scalar => {
            write_function(&mut statement, function, &given, call);
            statement.sql(" as pgrst_scalar")
        }
    };
    let sent = write_sent(&mut statement, &given, call);
    if scope.is_some() {
        statement.sql(if sent { ", lateral " } else { " from " });
        write_function(&mut statement, function, &given, call);
        statement.sql(" as ").sql(TARGET);
    }
    statement.sql("), _turnout_rows as (select ");
    write_rows(&mut statement, scope.as_ref(), call)?;
    statement.sql(") select ");
    write_body(&mut statement, function, call);
    statement.sql(", ");
    if call.result.single {
        written::write_single_count(&mut statement, "count(*)");
    } else {
        written::write_count(&mut statement, call.at_most);
    }
    write_total(&mut statement, scope.as_ref(), call)?;
    statement.sql(", '0'::text, null::text");
    statement.sql(match carried.epoch {
        Some(_) if call.writes => ", pg_current_xact_id()::text",
        Some(_) => ", pg_sequence_last_value('turnout.fence'::regclass)::text",
        None => ", null::text",
    });
    statement.sql(SAID).sql(" from _turnout_rows as _turnout_row");
    carried.set(&mut statement, carried.epoch.filter(|_| call.writes));
    Ok(statement)
}

/// Writes the call itself.
fn write_function<'a>(statement: &mut Statement<'a>, function: &Function, given: &Given<'_>, call: &'a FunctionCall) {
    statement.sql(&function.qualified).sql("(");
    match (given, &call.arguments) {
        (Given::Whole(argument), arguments) => write_whole(statement, argument, arguments),
        (Given::Named(named), arguments) => {
            statement.list(named, |statement, argument| {
                statement.sql(if argument.variadic { "variadic " } else { "" });
                statement.identifier(&argument.name).sql(" => ");
                match arguments {
                    Arguments::Texts(texts) => write_text(statement, argument, texts),
                    Arguments::Json { .. } | Arguments::Whole { .. } => {
                        statement.sql("_turnout_sent.").identifier(&argument.name);
                    }
                }
            });
        }
    }
    statement.sql(")");
}

fn write_whole<'a>(statement: &mut Statement<'a>, argument: &Argument, arguments: &'a Arguments) {
    match arguments {
        Arguments::Whole {
            type_name: "bytea",
            text,
        } => {
            statement
                .sql("decode(")
                .parameter(Parameter::text(text))
                .sql("::text, 'hex')");
        }
        Arguments::Json { text, .. } if argument.type_name == "bytea" => {
            statement
                .sql("convert_to(")
                .parameter(Parameter::text(text))
                .sql("::text, 'UTF8')");
        }
        Arguments::Whole { text, .. } | Arguments::Json { text, .. } => {
            statement
                .parameter(Parameter::text(text))
                .sql("::")
                .sql(&argument.type_name);
        }
        Arguments::Texts(texts) => write_text(statement, argument, texts),
    }
}

/// Of several values one that takes any number of them takes all, another the last.
fn write_text<'a>(statement: &mut Statement<'a>, argument: &Argument, texts: &'a [(String, String)]) {
    let mut values = texts
        .iter()
        .filter(|(name, _)| *name == argument.name)
        .map(|(_, text)| text);
    if argument.variadic {
        statement
            .parameter(Parameter::list(values))
            .sql("::text[]::")
            .sql(&argument.type_name);
    } else if let Some(text) = values.next_back() {
        statement
            .parameter(Parameter::text(text))
            .sql("::")
            .sql(&argument.type_name);
    }
}

/// Writes ` from` the arguments of a JSON body, as columns of their types, if the function takes any. Whether it did.
fn write_sent<'a>(statement: &mut Statement<'a>, given: &Given<'_>, call: &'a FunctionCall) -> bool {
    let (Given::Named(named), Arguments::Json { text, .. }) = (given, &call.arguments) else {
        return false;
    };
    if named.is_empty() {
        return false;
    }
    statement.sql(" from json_to_record(").parameter(Parameter::text(text));
    statement.sql(if text.starts_with('[') { "::json->0" } else { "::json" });
    statement.sql(") as _turnout_sent(").list(named, |statement, argument| {
        statement.identifier(&argument.name).sql(" ").sql(&argument.type_name);
    });
    statement.sql(")");
    true
}

fn write_rows<'a>(
    statement: &mut Statement<'a>,
    scope: Option<&Scope<'_, 'a>>,
    call: &'a FunctionCall,
) -> Result<(), Error> {
    let result = &call.result;
    let Some(scope) = scope else {
        statement.sql("pgrst_scalar from _turnout_called");
        write_window(statement, result.window);
        return Ok(());
    };
    let source = scope.alias.clone();
    let groups = selection::write(statement, scope, &result.select, &source)?;
    write_source(statement, scope);
    embed::write_spreads(statement, scope, &source)?;
    groups.write_joins(statement, scope, &source)?;
    write_where(statement, scope, &result.filter)?;
    groups.write(statement);
    write_order(statement, scope, &result.order)?;
    write_window(statement, result.window);
    Ok(())
}

fn write_source(statement: &mut Statement<'_>, scope: &Scope<'_, '_>) {
    statement.sql(" from _turnout_called");
    if scope.alias == TARGET {
        statement.sql(" as ").sql(TARGET);
    }
}

/// Writes the body: one value where the function answers with one, and otherwise all of them.
fn write_body(statement: &mut Statement<'_>, function: &Function, call: &FunctionCall) {
    let form = call.result.body;
    let is_scalar = function.result.shape == Shaped::Scalar;
    if function.result.shape == Shaped::Void {
        statement.sql("''::text");
    } else if matches!(form, BodyForm::Csv | BodyForm::GeoJson)
        || !is_scalar && function.result.set && !call.result.single
    {
        body::write_all(statement, form);
    } else {
        let is_one = !function.result.set || call.result.single;
        statement.sql(if is_one { "coalesce((" } else { "coalesce(" });
        statement.sql(if form == BodyForm::JsonWithoutNulls {
            "json_strip_nulls(json_agg("
        } else {
            "(json_agg("
        });
        statement.sql(if is_scalar {
            "_turnout_row.pgrst_scalar"
        } else {
            "_turnout_row"
        });
        statement.sql(if is_one {
            "))->0)::text, 'null')"
        } else {
            "))::text, '[]')"
        });
    }
}

/// Writes how many values there are beyond the window, where that is asked for.
fn write_total<'a>(
    statement: &mut Statement<'a>,
    scope: Option<&Scope<'_, 'a>>,
    call: &'a FunctionCall,
) -> Result<(), Error> {
    // As in PostgREST nothing is planned of a function: what it may answer with is no better known to the planner.
    if !matches!(call.result.count, Some(Count::Exact | Count::Estimated)) {
        statement.sql(", null::text");
    } else if call.result.window == Window::default() {
        statement.sql(", count(*)::text");
    } else {
        statement.sql(", (select count(*)");
        match scope {
            Some(scope) => {
                write_source(statement, scope);
                write_where(statement, scope, &call.result.filter)?;
            }
            None => {
                statement.sql(" from _turnout_called");
            }
        }
        statement.sql(")::text");
    }
    Ok(())
}
