//! What goes on in a database beside Turnout, as `host/backends/src/preflight/surroundings.sql` reads it.

use serde::Deserialize;
use turnout_backends::{quoted, quoted_text};
use turnout_vocabulary::Backend;

use crate::catalogue::Settings;
use crate::finding::{Finding, Severity};
use crate::judged::remedy;
use crate::settings::found;

/// What goes on beside Turnout, and how many sessions are let in.
#[derive(Deserialize)]
pub(crate) struct Surroundings {
    transactions: Vec<Transaction>,
    prepared: Vec<Prepared>,
    server_limit: u64,
    database_limit: Option<u64>,
    role_limit: Option<u64>,
    used_by_others: u64,
}

/// A transaction that has been open for long.
#[derive(Deserialize)]
struct Transaction {
    pid: i32,
    user: Option<String>,
    application: Option<String>,
    state: Option<String>,
    seconds: u64,
}

/// A transaction that waits for its second phase.
#[derive(Deserialize)]
struct Prepared {
    gid: String,
    owner: String,
    seconds: u64,
}

impl Surroundings {
    /// What of it is in the way of a side that needs so many connections.
    pub(crate) fn findings(&self, side: Backend, database: &Settings, needed: u64) -> Vec<Finding> {
        let transactions = self.transactions.iter().map(|transaction| transaction.finding(side));
        let prepared = self.prepared.iter().map(|prepared| prepared.finding(side));
        transactions
            .chain(prepared)
            .chain(self.connections(side, database, needed))
            .collect()
    }

    fn connections(&self, side: Backend, database: &Settings, needed: u64) -> Vec<Finding> {
        const WHY: &str = "operations wait for connections or fail when the pools are in full use; or make `pool` smaller in the configuration";
        let limit = |severity, object: &str, what, statements: &[String]| Finding {
            object: Some(object.to_owned()),
            ..found(
                severity,
                "connections",
                Some(side),
                what,
                WHY,
                vec![remedy(side, statements)],
            )
        };
        let mut findings = Vec::new();
        let role = quoted(&database.role);
        // Neither binds superusers.
        if let Some(allowed) = self
            .role_limit
            .filter(|allowed| *allowed < needed && !database.superuser)
        {
            let what = format!(
                "role {} may have {allowed} connections, the host needs {needed}",
                database.role
            );
            let statement = format!("alter role {role} connection limit {needed};");
            findings.push(limit(Severity::Blocks, "role", what, &[statement]));
        }
        if let Some(allowed) = self
            .database_limit
            .filter(|allowed| *allowed < needed && !database.superuser)
        {
            let what = format!(
                "database {} lets in {allowed} connections, the host needs {needed}",
                database.name
            );
            let statement = format!("alter database {} connection limit {needed};", quoted(&database.name));
            findings.push(limit(Severity::Blocks, "database", what, &[statement]));
        }
        if self.server_limit < needed + self.used_by_others {
            let what = format!(
                "the server lets in {} connections, others have {}, and the host needs {needed}",
                self.server_limit, self.used_by_others
            );
            let statement = format!(
                "alter system set max_connections = {}; -- in force after a restart of the server",
                needed + self.used_by_others + 10
            );
            let severity = if self.server_limit < needed {
                Severity::Blocks
            } else {
                Severity::Warns
            };
            findings.push(limit(severity, "server", what, &[statement]));
        }
        findings
    }
}

impl Transaction {
    fn finding(&self, side: Backend) -> Finding {
        let pid = self.pid;
        let by = |text: &Option<String>| text.clone().unwrap_or_default();
        let what = format!(
            "a transaction has been open for {} s: pid {pid}, user {}, application {:?}, {}",
            self.seconds,
            by(&self.user),
            by(&self.application),
            by(&self.state)
        );
        Finding {
            object: Some(pid.to_string()),
            ..found(
                Severity::Warns,
                "transaction",
                Some(side),
                what,
                "`turnout install` and handoffs wait for transactions that have tables locked",
                vec![remedy(side, &[format!("select pg_terminate_backend({pid});")])],
            )
        }
    }
}

impl Prepared {
    fn finding(&self, side: Backend) -> Finding {
        let what = format!(
            "transaction {} of {} has been prepared for {} s",
            self.gid, self.owner, self.seconds
        );
        Finding {
            object: Some(self.gid.clone()),
            ..found(
                Severity::Blocks,
                "prepared_transaction",
                Some(side),
                what,
                "it keeps its locks until somebody ends it, also over a restart; commit it instead where its work is wanted",
                vec![remedy(
                    side,
                    &[format!("rollback prepared {};", quoted_text(&self.gid))],
                )],
            )
        }
    }
}
