use turnout_vocabulary::{Action, Alert as OfPolicy, AlertKind, Backend, Epoch, Repository, Written};

use crate::{Alert, Cause, Component, DualWrite, Kind};

/// What the dual-write policy says of a write, as an alert.
#[must_use]
pub fn of_write(repository: &Repository, written: &Written, epoch: Epoch, said: &OfPolicy) -> Alert {
    let (kind, dual_write) = match said.kind {
        AlertKind::Slow { .. } => (Kind::Slow, Some(DualWrite::Slow)),
        AlertKind::LateMirror { .. } => (Kind::LateMirror, Some(DualWrite::Slow)),
        AlertKind::Parked => (Kind::Parked, Some(DualWrite::Failed)),
        AlertKind::Other(_) => (Kind::Other, None),
    };
    let detail = match &said.kind {
        AlertKind::Other(word) => Some(word.clone()),
        _ => None,
    };
    let cause = Cause {
        operation: Some(written.action),
        dual_write,
        detail,
        ..Cause::new(kind, Component::Pipeline)
            .backend(written.authority)
            .repository(&repository.name)
    };
    cause.alert(said.severity, said.to_string()).under(epoch)
}

/// A write that its authority failed to carry out, for a reason in a word.
#[must_use]
pub fn of_failed_write(repository: &Repository, action: Action, authority: Backend, epoch: Epoch, why: &str) -> Alert {
    let cause = Cause {
        operation: Some(action),
        ..Cause::new(Kind::PrimaryFailed, Component::Pipeline)
            .backend(authority)
            .repository(&repository.name)
            .dual_write(DualWrite::PrimaryFailed)
    };
    let message = format!("the authority did not carry out a write: {why}");
    cause.is_critical(message).under(epoch)
}
