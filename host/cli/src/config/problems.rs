use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// The line of the mistake, from 1.
    pub(crate) line: usize,
    /// What is wrong with which key.
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

/// A configuration that cannot be used, with all its mistakes.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Invalid {
    path: PathBuf,
    problems: Vec<Problem>,
    unreadable: Option<String>,
}

impl Invalid {
    pub(super) fn new(path: &Path, problems: Vec<Problem>) -> Self {
        Self {
            path: path.to_owned(),
            problems,
            unreadable: None,
        }
    }

    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self {
            path: path.to_owned(),
            problems: Vec::new(),
            unreadable: Some(error.to_string()),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        if let Some(error) = &self.unreadable {
            return write!(
                f,
                "cannot read the configuration {path}: {error}; name another with --config"
            );
        }
        write!(
            f,
            "the configuration {path} has {} to mend:",
            count(self.problems.len())
        )?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {path}:{problem}"))
    }
}

fn count(problems: usize) -> String {
    if problems == 1 {
        "one mistake".to_owned()
    } else {
        format!("{problems} mistakes")
    }
}
