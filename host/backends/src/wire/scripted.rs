//! A wire without a database: a test says what is answered. For tests of what is above the wire.

use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;

use super::{Answer, Failure, Isolation, Opened, Pages, Reach, Refusal, Session, Wire};
use crate::error::Error;
use crate::sql::{Parameter, Statement};

/// A statement as the wire was given it.
#[derive(Debug)]
pub struct Asked<'a> {
    /// What it says; `begin`, `commit` and `rollback` around those of a transaction.
    pub text: &'a str,
    /// The texts of its parameters.
    pub parameters: Vec<&'a str>,
}

/// What becomes of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is answered with a row of these columns.
    Row(Vec<Option<String>>),
    /// The database refuses it with this SQLSTATE and message.
    Refused(&'static str, &'static str),
    /// The database can't be reached.
    Unreachable,
    /// It is sent, and the connection breaks before the answer.
    Lost,
}

/// What answers in place of a database.
pub type Script = dyn Fn(&Asked<'_>) -> Said + Send + Sync;

/// A wire to it.
pub(crate) struct Scripted {
    pub(crate) reach: Arc<Reach>,
    pub(crate) script: Arc<Script>,
}

/// Why a database can't be reached.
const UNREACHABLE: &str = "the script says that it is unreachable";

impl Scripted {
    fn ask(&self, statement: &Statement<'_>) -> Result<Answer, Failure> {
        let asked = Asked {
            text: &statement.text,
            parameters: statement.parameters.iter().map(Parameter::as_text).collect(),
        };
        match (self.script)(&asked) {
            Said::Row(columns) => Ok(Answer::new(columns)),
            Said::Refused(sqlstate, message) => Err(Failure::Refused(self.refused(sqlstate, message))),
            Said::Unreachable => {
                self.reach.go_down(UNREACHABLE);
                Err(Failure::NotSent(self.reach.unavailable()))
            }
            Said::Lost => {
                self.reach.has_broken();
                Err(Failure::Broke("the script says that the connection broke".into()))
            }
        }
    }

    fn refused(&self, sqlstate: &str, message: &str) -> Error {
        let refusal = Refusal {
            sqlstate: sqlstate.to_owned(),
            routine: String::new(),
            message: message.to_owned(),
            details: None,
            hint: None,
        };
        refusal.into_error(self.reach.backend)
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        self.ask(&Statement::new(text, &[])).map(drop)
    }
}

impl Wire for Scripted {
    fn run<'a>(
        &'a self,
        statement: &'a Statement<'a>,
        _made_since: Option<Instant>,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            if self.reach.pulse.is_up() {
                self.ask(statement)
            } else {
                Err(Failure::NotSent(self.reach.unavailable()))
            }
        })
    }

    fn begin(&self, _isolation: Isolation) -> BoxFuture<'_, Result<Box<dyn Session + '_>, Failure>> {
        Box::pin(async move {
            self.say("begin")?;
            Ok(Box::new(self) as Box<dyn Session>)
        })
    }

    fn look<'a>(&'a self, question: &'a Statement<'a>) -> BoxFuture<'a, Result<Result<Answer, Error>, String>> {
        Box::pin(async move {
            match self.ask(question) {
                Ok(answer) => Ok(Ok(answer)),
                Err(Failure::Refused(error)) => Ok(Err(error)),
                Err(_) => Err(UNREACHABLE.to_owned()),
            }
        })
    }

    fn pages<'a>(
        &'a self,
        question: Statement<'static>,
        query: Statement<'static>,
    ) -> BoxFuture<'a, Result<Opened<'a>, Failure>> {
        Box::pin(async move {
            let answer = self.ask(&question)?;
            let page = Page(Some(self.ask(&query)?));
            Ok((answer, Box::new(page) as Box<dyn Pages>))
        })
    }

    fn run_scripts<'a>(&'a self, _scripts: &'a [String], _rehearse: bool) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn vacuum<'a>(&'a self, _table: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn obstacle(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async { Ok(None) })
    }
}

impl Session for &Scripted {
    fn run<'a>(&'a mut self, statement: &'a Statement<'a>) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move { self.ask(statement) })
    }

    fn end<'a>(self: Box<Self>, commit: bool) -> BoxFuture<'a, Result<(), Failure>>
    where
        Self: 'a,
    {
        Box::pin(async move { self.say(if commit { "commit" } else { "rollback" }) })
    }
}

/// The one page: the columns of a row.
struct Page(Option<Answer>);

impl Pages for Page {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<String>, Failure>> {
        let page = self.0.take().map_or_else(Vec::new, Answer::into_texts);
        Box::pin(async { Ok(page) })
    }

    fn close<'a>(self: Box<Self>) -> BoxFuture<'a, ()>
    where
        Self: 'a,
    {
        Box::pin(async {})
    }
}
