use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::value::RawValue;
use turnout_vocabulary::{
    Action, Arguments, Backend, FunctionCall, MirrorState, Outcome, Repository, Request, Span, Subject,
};

use crate::Error;
use crate::Run;
use crate::subjects::Subjects;
use crate::write::Done;

impl<'a> Run<'a> {
    /// Calls a function on the authority of the repositories that it touches. One that writes must find one authority for all of them; one
    /// that only reads must find all of them readable on the authority of its target. One of which nothing is configured may touch any.
    pub(crate) async fn call_function(
        &mut self,
        call: &FunctionCall,
        beside: Option<&Subject>,
    ) -> Result<Outcome, Error> {
        let pipeline = self.pipeline;
        let rule = pipeline.functions.get(&call.name);
        let all = &pipeline.repositories;
        let known = match rule {
            Some(rule) => rule.repositories.iter().map(|name| pipeline.repository(name)).collect(),
            None => Some(all.iter().collect()),
        };
        let unconfigured = || Error::Unconfigured {
            function: call.name.clone(),
        };
        let mut repositories: Vec<&Repository> = known.ok_or_else(unconfigured)?;
        let argument = rule.and_then(|rule| rule.subject.as_deref());
        let named = argument.and_then(|name| text_of(&call.arguments, name));
        let subject = match argument {
            Some(_) => pipeline.rule.subject_in(named.as_deref()),
            None => beside.cloned(),
        };
        let target = *repositories.first().ok_or_else(unconfigured)?;
        let mut sides = Vec::new();
        for repository in &repositories {
            sides.push(self.side(Action::Call, repository, subject.as_ref())?);
        }
        let side = sides[0].0;
        let have_one_authority = sides.iter().all(|(authority, spans)| *authority == side && !spans);
        if rule.is_none() && !have_one_authority {
            return Err(unconfigured());
        }
        self.repository = target;
        let question = Request::Call(call.clone());
        let (is_volatile, embedded) = self
            .ask(side, async |database| database.function(&question).await)
            .await?;
        let reads = rule.and_then(|rule| rule.reads).unwrap_or(!is_volatile);
        let writes = !call.read_only && !reads;
        if writes {
            self.refuse_frozen()?;
        }
        if writes && !have_one_authority {
            return Err(Error::SeveralAuthorities);
        }
        let is_embedded = |repository: &&Repository| {
            let mut tables = embedded.iter();
            tables.any(|table| repository.schema == table.schema && repository.table == table.table)
        };
        for repository in all.iter().filter(is_embedded) {
            if !repositories.iter().any(|known| known.id == repository.id) {
                sides.push(self.side(Action::Call, repository, subject.as_ref())?);
                repositories.push(repository);
            }
        }
        self.await_repositories(side, &repositories, &sides, subject.as_ref())
            .await?;
        self.repository = target;

        let request = Request::Call(FunctionCall { writes, ..call.clone() });
        let began = Instant::now();
        let outcome = self.execute(side, &request).await?;
        if !writes {
            return Ok(outcome);
        }
        let done = Done {
            action: Action::Call,
            subjects: match argument {
                Some(_) => Subjects::Named([subject].into()),
                None => Subjects::Unnamed,
            },
            authority: side,
            took: began.elapsed(),
            hands_over: false,
            outcome,
        };
        self.mirror(&done).await?;
        pipeline.mirror.wake(side);
        for repository in &repositories[1..] {
            self.repository = repository;
            self.note_own_write(&done, done.outcome.transaction, MirrorState::Pending);
        }
        self.repository = target;
        Ok(done.outcome)
    }

    /// The authority of a repository for a subject, and whether rows of the other one may be meant.
    pub(crate) fn side(
        &mut self,
        action: Action,
        repository: &'a Repository,
        subject: Option<&Subject>,
    ) -> Result<(Backend, bool), Error> {
        self.repository = repository;
        let subject = subject.filter(|_| repository.subject.is_some());
        self.admit(action, subject)?;
        let spans = subject.is_none() && self.policies.span(repository.id) == Span::Both;
        Ok((self.authority_of_write(subject)?, spans))
    }

    /// Waits for what may be on its way to the side that answers. An error if rows of a repository are not there.
    async fn await_repositories(
        &mut self,
        side: Backend,
        repositories: &[&'a Repository],
        sides: &[(Backend, bool)],
        subject: Option<&Subject>,
    ) -> Result<(), Error> {
        let mut awaited = Vec::new();
        for (repository, (authority, spans)) in repositories.iter().zip(sides) {
            let subject = subject.filter(|_| repository.subject.is_some());
            if *authority != side && !self.decide(|policies, _| policies.has_equal_sides(repository, subject)) {
                return Err(Error::NotReadable {
                    side,
                    repository: repository.name.clone(),
                    authority: *authority,
                    converging: self.policies.mirrored(repository.id, subject).unwrap_or_default(),
                });
            }
            if *authority != side || *spans {
                awaited.push(*repository);
            }
        }
        self.await_other_side(side, &awaited).await;
        Ok(())
    }
}

/// The text of an argument; `None` if it is missing or null.
fn text_of(arguments: &Arguments, name: &str) -> Option<String> {
    match arguments {
        Arguments::Texts(texts) => {
            let (_, text) = texts.iter().rfind(|(key, _)| key == name)?;
            Some(text.clone())
        }
        Arguments::Json { text, .. } => {
            let object: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            match object.get(name)?.get() {
                "null" => None,
                text if text.starts_with('"') => serde_json::from_str(text).ok(),
                text => Some(text.to_owned()),
            }
        }
        Arguments::Whole { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_argument_is_what_the_function_is_given() {
        let texts = Arguments::Texts(vec![("phone".into(), "1".into()), ("phone".into(), "2".into())]);
        assert_eq!(text_of(&texts, "phone").as_deref(), Some("2"));
        let json = Arguments::Json {
            text: r#"{"phone":"8 \u0039","n":1.50,"x":null}"#.into(),
            names: vec![],
        };
        assert_eq!(text_of(&json, "phone").as_deref(), Some("8 9"));
        assert_eq!(text_of(&json, "n").as_deref(), Some("1.50"));
        assert_eq!((text_of(&json, "x"), text_of(&json, "y")), (None, None));
    }
}
