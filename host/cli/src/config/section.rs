use std::cell::RefCell;
use std::time::Duration;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::{Environment, Problem};

/// The mistakes found so far in one file.
pub(crate) struct Problems<'t> {
    text: &'t str,
    found: RefCell<Vec<Problem>>,
}

impl<'t> Problems<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            found: RefCell::default(),
        }
    }

    fn note(&self, offset: usize, message: String) {
        let line = self.text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1;
        self.found.borrow_mut().push(Problem { line, message });
    }

    pub(crate) fn into_sorted(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort();
        found
    }
}

/// One table of the file. Reading a key takes it out of the table; keys that are left at the end are unknown. A mistake is noted and
/// reading goes on, so that a person can fix all mistakes at once.
pub(crate) struct Section<'t, 'p> {
    path: String,
    offset: usize,
    table: DeTable<'t>,
    known: Vec<&'static str>,
    problems: &'p Problems<'t>,
}

impl<'t, 'p> Section<'t, 'p> {
    /// The whole file.
    pub(crate) fn root(text: &'t str, problems: &'p Problems<'t>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            problems.note(error.span().map_or(0, |span| span.start), error.message().to_owned());
        }
        Self {
            path: String::new(),
            offset: 0,
            table: table.into_inner(),
            known: Vec::new(),
            problems,
        }
    }

    /// A table inside this one; an empty table if the file does not have it.
    pub(crate) fn section(&mut self, key: &'static str) -> Section<'t, 'p> {
        self.known.push(key);
        let entry = self.table.remove_entry(key);
        self.child(key, entry)
    }

    /// All tables inside this one, by name.
    pub(crate) fn sections(mut self) -> Vec<(String, Section<'t, 'p>)> {
        std::mem::take(&mut self.table)
            .into_iter()
            .map(|(name, value)| {
                let key = name.get_ref().to_string();
                let section = self.child(&key, Some((name, value)));
                (key, section)
            })
            .collect()
    }

    /// Whether the table has no keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    fn child<K>(&self, key: &str, entry: Option<(Spanned<K>, Spanned<DeValue<'t>>)>) -> Section<'t, 'p> {
        let mut child = Self {
            path: self.name(key),
            offset: self.offset,
            table: DeTable::new(),
            known: vec![],
            problems: self.problems,
        };
        if let Some((name, value)) = entry {
            child.offset = name.span().start;
            match value.into_inner() {
                DeValue::Table(table) => child.table = table,
                other => child.problem(format!("this is a table, not {}", other.type_str())),
            }
        }
        child
    }

    /// Notes a mistake in this table.
    pub(crate) fn problem(&self, message: impl Into<String>) {
        let message = message.into();
        self.problems.note(
            self.offset,
            if self.path.is_empty() {
                message
            } else {
                format!("[{}] {message}", self.path)
            },
        );
    }

    /// A value, if the file has it.
    pub(crate) fn value<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        self.checked(key, |value: T| Ok(value))
    }

    /// A whole number above zero, if the file has it.
    pub(crate) fn positive<T: DeserializeOwned + Default + PartialEq>(&mut self, key: &'static str) -> Option<T> {
        self.checked(key, |value: T| {
            if value == T::default() {
                Err("must be above zero".to_owned())
            } else {
                Ok(value)
            }
        })
    }

    /// A size above zero, given in KiB, if the file has it. Returned in bytes.
    pub(crate) fn kibibytes(&mut self, key: &'static str) -> Option<usize> {
        self.positive(key).map(|kib: usize| kib.saturating_mul(1024))
    }

    /// A time above zero such as `"1500ms"` or `"2s"`, if the file has it.
    pub(crate) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        self.checked(key, |text: String| match humantime::parse_duration(&text) {
            Ok(Duration::ZERO) => Err("must be above zero".to_owned()),
            Ok(duration) => Ok(duration),
            Err(error) => Err(format!("{error}; write a time as \"1500ms\" or \"2s\"")),
        })
    }

    /// A secret, from the file or from the environment, which wins. It is a mistake if it is missing.
    pub(crate) fn secret(
        &mut self,
        key: &'static str,
        variable: &str,
        environment: Environment<'_>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Option<String> {
        if environment(variable).is_none() && !self.table.contains_key(key) {
            self.known.push(key);
            self.problem(format!(
                "`{key}` is missing; set it here or in the environment as {variable}"
            ));
            return None;
        }
        self.optional_secret(key, variable, environment, check)
    }

    /// A secret, if the file or the environment has it. No mistake repeats its value.
    pub(crate) fn optional_secret(
        &mut self,
        key: &'static str,
        variable: &str,
        environment: Environment<'_>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Option<String> {
        if let Some(value) = environment(variable) {
            self.table.remove(key);
            return check(&value)
                .map_err(|reason| self.problem(format!("{variable} in the environment: {reason}")))
                .ok()
                .map(|()| value);
        }
        self.checked(key, |value: String| check(&value).map(|()| value))
    }

    /// A value. It is a mistake if it is missing.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        if !self.table.contains_key(key) {
            self.known.push(key);
            self.problems
                .note(self.offset, format!("`{}` is missing", self.name(key)));
            return None;
        }
        self.value(key)
    }

    /// A value that must pass a check, if the file has it.
    pub(crate) fn checked<T: DeserializeOwned, U>(
        &mut self,
        key: &'static str,
        check: impl FnOnce(T) -> Result<U, String>,
    ) -> Option<U> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        let offset = value.span().start;
        let checked = T::deserialize(ValueDeserializer::from(value))
            .map_err(|error| without_value(error.message()))
            .and_then(check);
        checked
            .map_err(|reason| self.problems.note(offset, format!("`{}`: {reason}", self.name(key))))
            .ok()
    }

    /// Ends the reading. Every key that nobody took is a mistake.
    pub(crate) fn finish(self) {
        for key in self.table.keys() {
            let name = self.name(key.get_ref());
            let known = self.known.join("`, `");
            self.problems.note(
                key.span().start,
                format!("`{name}` is unknown here; known are `{known}`"),
            );
        }
    }

    fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// Serde's message about a value, without the value, which may be a secret or a URL with a password in the wrong place.
fn without_value(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((_, "a string")) => "must be a text in quotes".to_owned(),
        Some((_, expected)) => format!("must be {expected}"),
        None => message.to_owned(),
    }
}
