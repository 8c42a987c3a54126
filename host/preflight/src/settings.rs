//! What both databases are: versions, encodings, collations, time zones.

use turnout_backends::{quoted, quoted_text};
use turnout_vocabulary::{Backend, PerBackend};

use crate::catalogue::{Catalogue, Settings};
use crate::finding::{Finding, Remedy, Severity, Side};
use crate::judged::remedy;

/// The oldest version of PostgreSQL that Turnout works with.
const OLDEST: u32 = 130_000;

pub(crate) fn findings(catalogues: &PerBackend<Catalogue>) -> Vec<Finding> {
    let (old, new) = (&catalogues.old.database, &catalogues.new.database);
    let mut findings = Vec::new();
    for side in Backend::ALL {
        if catalogues[side].database.version < OLDEST {
            let what = format!("is PostgreSQL {}", major(&catalogues[side].database));
            let why = "Turnout needs PostgreSQL 13 or later on both sides";
            findings.push(found(Severity::Blocks, "version", Some(side), what, why, Vec::new()));
        }
    }
    if major(new) < major(old) {
        let what = format!("old is PostgreSQL {} and new is {}", major(old), major(new));
        let why = "functions, types and syntax that the application uses may be missing on the older version";
        findings.push(found(
            Severity::Warns,
            "version",
            Some(Backend::New),
            what,
            why,
            Vec::new(),
        ));
    }
    if old.encoding != new.encoding {
        let what = format!(
            "texts are encoded as {} on old and as {} on new",
            old.encoding, new.encoding
        );
        let why = "characters that the other encoding lacks can't be copied; the encoding of a database is fixed when it is made, so make \
                   another one and name it in the configuration";
        let severity = if new.encoding == "UTF8" {
            Severity::Warns
        } else {
            Severity::Blocks
        };
        let remedies = vec![another_database(old, new)];
        findings.push(found(severity, "encoding", Some(Backend::New), what, why, remedies));
    }
    let sorting = |side: &Settings| {
        (
            side.provider.clone(),
            side.collation.clone(),
            side.ctype.clone(),
            side.locale.clone(),
        )
    };
    if sorting(old) != sorting(new) {
        let said = |side: &Settings| match &side.locale {
            Some(locale) => format!("{locale} ({})", side.provider),
            None => side.collation.clone(),
        };
        let what = format!("texts are sorted by {} on old and by {} on new", said(old), said(new));
        let why = "answers that are sorted by texts come in another order, and keys that are texts are compared by hashes, which is slower; \
                   the collation of a database is fixed when it is made";
        let remedies = vec![another_database(old, new)];
        findings.push(found(
            Severity::Warns,
            "database_collation",
            Some(Backend::New),
            what,
            why,
            remedies,
        ));
    }
    findings.extend(time_zones(old, new));
    findings
}

/// The time zones of both sides, where both can be read and differ.
fn time_zones(old: &Settings, new: &Settings) -> Option<Finding> {
    let (of_old, of_new) = old.time_zone.as_ref().zip(new.time_zone.as_ref())?;
    let is_utc = |zone: &str| matches!(zone, "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT");
    if of_old == of_new || is_utc(of_old) && is_utc(of_new) {
        return None;
    }
    let statement = format!(
        "alter database {} set timezone to {};",
        quoted(&new.name),
        quoted_text(of_old)
    );
    Some(found(
        Severity::Warns,
        "time_zone",
        Some(Backend::New),
        format!("sessions begin with the time zone {of_old} on old and {of_new} on new"),
        "times without a zone, dates and defaults such as current_date come out otherwise",
        vec![remedy(Backend::New, &[statement])],
    ))
}

fn major(side: &Settings) -> u32 {
    side.version / 10_000
}

/// The statement that makes a database on the server of `new` that is like `old`.
fn another_database(old: &Settings, new: &Settings) -> Remedy {
    let name = quoted(&format!("{}_like_old", new.name));
    let (encoding, collation, ctype) = (
        quoted_text(&old.encoding),
        quoted_text(&old.collation),
        quoted_text(&old.ctype),
    );
    let mut statement = format!(
        "create database {name} template template0 encoding {encoding} lc_collate {collation} lc_ctype {ctype}"
    );
    if let (true, Some(locale)) = (old.provider == "i", &old.locale) {
        statement = format!("{statement} locale_provider icu icu_locale {}", quoted_text(locale));
    }
    remedy(Backend::New, &[format!("{statement};")])
}

/// A finding about a database as a whole.
pub(crate) fn found(
    severity: Severity,
    kind: &'static str,
    side: Option<Backend>,
    what: String,
    why: &'static str,
    remedies: Vec<Remedy>,
) -> Finding {
    Finding {
        severity,
        kind,
        side: side.map(Side),
        table: None,
        object: None,
        what,
        why,
        remedies,
        rows: None,
    }
}
