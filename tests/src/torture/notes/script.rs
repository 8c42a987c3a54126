use sha2::{Digest, Sha256};

use super::{Deed, Rows};
use crate::torture::spec::Value;
use crate::torture::stages::LISTED;

/// How many rows `COPY` inserts.
const COPIED: i64 = 200;

/// How often a value is repeated in the body of a row of several megabytes.
const REPEATED: usize = 1_000_000;

/// A script of SQL that runs as one transaction.
pub(super) struct Script {
    /// The statements. For `COPY`: the lines of data alone.
    pub(super) sql: String,
    /// The rows that the table holds afterwards.
    pub(super) leaves: Rows,
}

impl Script {
    /// The script of a deed that writes this value into a table that holds these rows.
    pub(super) fn of(deed: Deed, value: Value, rows: &Rows) -> Self {
        let body = value.to_string();
        let first = first(value);
        let mut leaves = rows.clone();
        let sql = match deed {
            Deed::Truncate => {
                leaves = (first..first + 3).map(|id| (id, sha256(&body))).collect();
                format!("truncate notes; {}", insert(first, 3, &format!("'{body}'")))
            }
            Deed::Merge => {
                let mut known = rows.keys();
                let gone = known.next();
                let changed: Vec<_> = known.take(3).copied().chain([first]).collect();
                leaves.extend(changed.iter().map(|id| (*id, sha256(&body))));
                let mut given: Vec<_> = changed.iter().map(|id| format!("({id}::bigint, '{body}')")).collect();
                if let Some(gone) = gone {
                    leaves.remove(gone);
                    given.push(format!("({gone}::bigint, null)"));
                }
                format!(
                    "merge into notes using (values {}) as given (id, body) on notes.id = given.id \
                     when matched and given.body is null then delete \
                     when matched then update set body = given.body \
                     when not matched then insert (id, phone, body) values (given.id, '{}', given.body)",
                    given.join(", "),
                    LISTED[0]
                )
            }
            Deed::Huge => {
                leaves.extend((first..first + 3).map(|id| (id, sha256(body.repeat(REPEATED)))));
                insert(first, 3, &format!("repeat('{body}', {REPEATED})"))
            }
            Deed::Park => {
                leaves.extend((first..first + 1_200).map(|id| (id, sha256(&body))));
                insert(first, 1_200, &format!("'{body}'"))
            }
            Deed::Collide => {
                leaves.insert(first, sha256(&body));
                insert(first, 1, &format!("'{body}'"))
            }
            Deed::Copy => {
                leaves.extend((first..first + COPIED).map(|id| (id, sha256(&body))));
                let row = |(id, phone)| format!("{id}\t{phone}\t{body}\n");
                (first..first + COPIED)
                    .zip(LISTED.into_iter().cycle())
                    .map(row)
                    .collect()
            }
            _ => {
                for known in leaves.values_mut() {
                    *known = sha256(&body);
                }
                let update = format!("update notes set body = '{body}'");
                if deed == Deed::Replica {
                    format!("begin; set local session_replication_role = replica; {update}; commit")
                } else {
                    update
                }
            }
        };
        Self { sql, leaves }
    }

    /// The same, and the first key that the script adds.
    pub(super) fn beyond(deed: Deed, value: Value, rows: &Rows) -> (Self, i64) {
        (Self::of(deed, value, rows), first(value))
    }
}

/// The first key that a script with this value may add.
fn first(value: Value) -> i64 {
    value.cast_signed() * 10_000
}

/// An insert of `rows` rows with this body, which belong to the listed subjects in turn.
fn insert(first: i64, rows: i64, body: &str) -> String {
    let last = first + rows - 1;
    let [one, other] = LISTED;
    format!(
        "insert into notes (id, phone, body) \
         select id, case id % 2 when 0 then '{one}' else '{other}' end, {body} from generate_series({first}, {last}) as id"
    )
}

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}
