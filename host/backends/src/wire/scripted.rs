//! A wire without a database: a test says what is answered. For tests of what is above the wire.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;

use super::list::{texts, texts_alone};
use super::{Answer, Failure, Isolation, Listed, Opened, Pages, Reach, Refusal, Undone, Why, Wire};
use crate::error::Error;
use crate::sql::Statement;

/// A statement as the wire was given it.
#[derive(Debug)]
pub struct Asked<'a> {
    /// What it says; `begin`, `commit` and `rollback` around those of a transaction.
    pub text: &'a str,
    /// The texts of its parameters; `None` for null.
    pub parameters: Vec<Option<&'a str>>,
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
        let parameters = texts_alone(statement, self.reach.backend).map_err(Failure::NotSent)?;
        self.ask_with(statement, &parameters)
    }

    fn ask_with(&self, statement: &Statement<'_>, parameters: &[Option<Cow<'_, str>>]) -> Result<Answer, Failure> {
        let asked = Asked {
            text: &statement.text,
            parameters: parameters.iter().map(Option::as_deref).collect(),
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

    fn advance(&self, listed: &Listed<'_>, answers: &mut Vec<Answer>) -> Result<(), Why<Failure>> {
        let statement = listed.statement();
        let parameters = texts(statement, answers).map_err(Why::Unresolved)?;
        let answer = self.ask_with(statement, &parameters).map_err(Why::Failed)?;
        listed.settle(answer, answers, self.reach.backend)
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

    fn run_list<'a>(
        &'a self,
        list: &'a [Listed<'a>],
        _isolation: Isolation,
    ) -> BoxFuture<'a, Result<Vec<Answer>, Undone<Failure>>> {
        Box::pin(async move {
            self.say("begin").map_err(Undone::nowhere)?;
            let mut answers = Vec::new();
            for (at, listed) in list.iter().enumerate() {
                if let Err(why) = self.advance(listed, &mut answers) {
                    let _ = self.say("rollback");
                    return Err(Undone { at: Some(at), why });
                }
            }
            self.say("commit").map_err(Undone::nowhere)?;
            Ok(answers)
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

    fn listen<'a>(
        &'a self,
        _channel: &'static str,
        _heard: &'a (dyn Fn(&str) + Send + Sync),
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(std::future::pending())
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

    fn copy_out<'a>(&'a self, query: &'a str, _most: usize) -> BoxFuture<'a, Result<Option<Vec<u8>>, Failure>> {
        Box::pin(async move {
            let mut answer = self.ask(&Statement::new(query, &[]))?;
            let rows: String = answer.take(0).unwrap_or_default();
            Ok(Some(rows.into_bytes()))
        })
    }

    fn copy_in<'a>(
        &'a self,
        first: &'a Statement<'a>,
        _table: &'a str,
        _rows: &'a [u8],
        last: Option<&'a Statement<'a>>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.say("begin")?;
            self.ask(first)?;
            let Some(last) = last else {
                return self.say("rollback");
            };
            self.ask(last)?;
            self.say("commit")
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
