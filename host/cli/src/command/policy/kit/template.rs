use std::fmt;

use clap::ValueEnum;
use include_dir::Dir;

#[derive(Clone, Copy, ValueEnum)]
pub(in crate::command::policy) enum Language {
    /// A crate, with the SDK
    Rust,
    /// A module, and a script that makes a component of it
    Js,
    /// A module that componentize-py makes a component of
    Python,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Js => "JavaScript",
            Self::Python => "Python",
        })
    }
}

/// What a new policy is made of.
pub(in crate::command::policy) enum Template {
    /// A crate. These files are its own; the SDK comes to them.
    Crate(&'static Dir<'static>),
    /// Files beside the WIT package.
    Files {
        /// Each with its name.
        files: &'static [(&'static str, &'static str)],
        /// What is under version control nowhere: lines of a `.gitignore`.
        ignored: &'static str,
        /// What to do next with a folder that holds the policy of this name.
        next: fn(folder: &str, name: &str) -> String,
    },
}
