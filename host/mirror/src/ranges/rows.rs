use std::borrow::Cow;
use std::collections::HashSet;

use turnout_backends::DirtyRange;
use turnout_vocabulary::{Backend, RepositoryId};

use crate::judge::{Judge, Unsaid};

/// What becomes of the rows of a chunk.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Picked {
    /// The rows that are copied, as COPY reads them.
    pub(crate) copied: Vec<u8>,
    /// How many they are.
    pub(crate) number: u64,
    /// How many rows there are in all.
    pub(crate) rows: u64,
    /// The keys of rows whose authority is the other side, each with the text of the subject column. The row has no business here.
    pub(crate) others: Vec<(String, Option<String>)>,
}

/// Picks the rows that are copied to the other side of the lines that COPY wrote: a subject, a key, and the row. Rows whose keys are `present`
/// there are left out, and so are rows that are not mirrored.
pub(crate) fn pick(
    lines: &[u8],
    present: &HashSet<&str>,
    judge: &dyn Judge,
    source: Backend,
    repository: RepositoryId,
    range: &DirtyRange,
) -> Result<Picked, Unsaid> {
    let mut picked = Picked {
        copied: Vec::with_capacity(lines.len()),
        ..Picked::default()
    };
    let mut last: Option<(&[u8], Option<Backend>)> = None;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let Some((subject, rest)) = field(line) else { continue };
        let Some((key, row)) = field(rest) else { continue };
        picked.rows += 1;
        let keeper = match last {
            Some((same, keeper)) if same == subject => keeper,
            _ => judge.keeper(repository, range.epoch, text(subject).as_deref())?,
        };
        last = Some((subject, keeper));
        if !present.is_empty() && text(key).is_some_and(|key| present.contains(&*key)) {
            continue;
        }
        match keeper {
            Some(side) if side == source => {
                picked.copied.extend_from_slice(row);
                picked.number += 1;
            }
            Some(_) => {
                let key = text(key).unwrap_or_default().into_owned();
                picked.others.push((key, text(subject).map(Cow::into_owned)));
            }
            None => {}
        }
    }
    Ok(picked)
}

/// The first field of a line, and what follows it.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = line.iter().position(|byte| *byte == b'\t')?;
    Some((&line[..end], &line[end + 1..]))
}

/// The text of a field; `None` for null. COPY writes a backslash before what it writes otherwise
/// (<https://www.postgresql.org/docs/current/sql-copy.html>, "Text Format").
fn text(field: &[u8]) -> Option<Cow<'_, str>> {
    if field == b"\\N" {
        return None;
    }
    if !field.contains(&b'\\') {
        return Some(String::from_utf8_lossy(field));
    }
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'b') => 8,
                Some(b't') => b'\t',
                Some(b'n') => b'\n',
                Some(b'v') => 11,
                Some(b'f') => 12,
                Some(b'r') => b'\r',
                Some(&other) => other,
                None => b'\\',
            },
            byte => byte,
        });
    }
    Some(Cow::Owned(String::from_utf8_lossy(&plain).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_as_copy_wrote_it() {
        let cases: [(&str, Option<&str>); 6] = [
            ("89686484488", Some("89686484488")),
            ("", Some("")),
            ("\\N", None),
            ("\\\\N", Some("\\N")),
            ("a\\tb\\nc\\\\d", Some("a\tb\nc\\d")),
            ("{\"id\":\"\\\\\"\"}", Some("{\"id\":\"\\\"\"}")),
        ];
        for (field, plain) in cases {
            assert_eq!(text(field.as_bytes()).as_deref(), plain, "{field}");
        }
    }
}
