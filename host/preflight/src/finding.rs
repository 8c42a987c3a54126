use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;
use turnout_vocabulary::Backend;

/// Something that would break a migration, or may surprise in it.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of thing it is about: `column`, say.
    pub kind: &'static str,
    /// The side that it is found on; `None` if both sides together are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// The table with its schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The column, the constraint or whatever else it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What is the matter.
    pub what: String,
    /// Why that matters for the migration.
    pub why: &'static str,
    /// What mends it: each of them alone.
    pub remedies: Vec<Remedy>,
    /// The rows that are in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It may surprise.
    Warns,
    /// Rows would be lost or refused, or operations that work on `old` would fail on `new`.
    Blocks,
}

/// A backend, as JSON names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side(pub Backend);

impl Serialize for Side {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// Statements that mend something when they are run as they stand.
#[derive(Clone, Debug, Serialize)]
pub struct Remedy {
    /// Where to run them.
    pub side: Side,
    /// The statements.
    pub sql: String,
}

/// Rows that are in the way.
#[derive(Clone, Debug, Serialize)]
pub struct Rows {
    /// The side that has them.
    pub side: Side,
    /// How many there are.
    pub count: u64,
    /// The keys of the first, each as a JSON array. Keys may be personal data.
    pub first: Vec<Box<RawValue>>,
    /// The statement that finds them.
    pub find: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Blocks => "blocks",
            Severity::Warns => "warns ",
        };
        write!(f, "{severity} ")?;
        if let Some(table) = &self.table {
            write!(f, " table {table}: ")?;
        } else if let Some(Side(side)) = self.side {
            write!(f, " backend {side}: ")?;
        } else {
            f.write_str(" ")?;
        }
        write!(f, "{}\n        {}", self.what, self.why)?;
        if let Some(rows) = &self.rows {
            let first: Vec<&str> = rows.first.iter().map(|key| key.get()).collect();
            let more = if rows.count > first.len() as u64 { " …" } else { "" };
            let what = if self.kind == "unique" {
                "groups of duplicates, each by key, the earliest first,"
            } else {
                "rows"
            };
            write!(
                f,
                "\n        {} {what} on {}: {}{more}",
                rows.count,
                rows.side.0,
                first.join(" ")
            )?;
            write!(f, "\n        found by:\n{}", Indented(&rows.find))?;
        }
        for (place, remedy) in self.remedies.iter().enumerate() {
            let or = if place == 0 { "" } else { "or " };
            write!(f, "\n        {or}on {}:\n{}", remedy.side.0, Indented(&remedy.sql))?;
        }
        Ok(())
    }
}

/// Statements as they stand, further to the right.
struct Indented<'a>(&'a str);

impl fmt::Display for Indented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, line) in self.0.lines().enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}          {line}")?;
        }
        Ok(())
    }
}
