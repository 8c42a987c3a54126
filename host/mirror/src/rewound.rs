use turnout_backends::{Database, Error, Rewound, Ticks};
use turnout_vocabulary::{Backend, PerBackend};

/// How many low bits of a lease's token count its takers. The bits above them hold the epoch of the last forced failover.
const FAILOVER: u32 = 32;

/// The side that was restored from the past, if one was. Such a side shows a smaller number than it once did: the other side keeps the
/// highest number that it was shown. A restored side is noted on both sides when it is first found.
///
/// # Errors
/// Whatever keeps a backend from answering.
pub async fn rewound(backends: &PerBackend<Database>) -> Result<Option<Rewound>, Error> {
    for (_, database) in backends.iter() {
        if let Some(known) = database.rewound_sides().await?.pop() {
            return Ok(Some(known));
        }
    }
    // A batch is applied before it is acknowledged, and acknowledged before the acknowledgement is shown. So the side that must not be
    // further is read before the side that must be at least as far.
    let (old, new) = (&backends.old, &backends.new);
    let [first, second, third, fourth] = [
        old.ticks().await?,
        new.ticks().await?,
        old.ticks().await?,
        new.ticks().await?,
    ];
    let found = in_direction(Backend::New, &first, &second, &third)
        .or_else(|| in_direction(Backend::Old, &second, &third, &fourth));
    if let Some(found) = &found {
        for (_, database) in backends.iter() {
            if database.note_rewound(found).await? {
                tracing::error!(backend = %found.side, reason = found.reason, "a backend was restored from the past; say which side's rows count: `turnout rejoin`");
            }
        }
    }
    Ok(found)
}

/// Whether one of the sides shows less than the other has seen, in the direction from `source`. The target was read before the source and
/// once more after it.
fn in_direction(source: Backend, target_before: &Ticks, at_source: &Ticks, target_after: &Ticks) -> Option<Rewound> {
    let shows_less = |side: Backend, what: &str, shows: i64, seen: i64| {
        (shows < seen).then(|| Rewound {
            side,
            reason: format!("it shows {what} {shows}, and {seen} was seen there"),
        })
    };
    let target = source.other();
    // A forced failover gives the side that takes over a token far above all taken ones, so that nothing of the other side is
    // applied to it.
    let is_closed = target_before.incoming_token >> FAILOVER != at_source.outgoing_token >> FAILOVER;
    let seen = if is_closed { 0 } else { target_before.incoming_token };
    shows_less(source, "lease token", at_source.outgoing_token, seen)
        .or_else(|| {
            shows_less(
                source,
                "acknowledged batch",
                at_source.outgoing_tick,
                target_before.incoming_shown,
            )
        })
        .or_else(|| {
            shows_less(
                target,
                "applied batch",
                target_after.incoming_tick,
                at_source.outgoing_tick,
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: Ticks = Ticks {
        outgoing_token: 3,
        outgoing_tick: 7,
        incoming_token: 3,
        incoming_tick: 7,
        incoming_shown: 7,
    };

    fn found(target: Ticks, source: Ticks) -> Option<Backend> {
        in_direction(Backend::Old, &target, &source, &target).map(|rewound| rewound.side)
    }

    #[test]
    fn the_side_that_shows_less_than_it_did_was_restored() {
        assert_eq!(found(LEVEL, LEVEL), None);
        let applied_and_not_acknowledged = Ticks {
            incoming_tick: 8,
            ..LEVEL
        };
        assert_eq!(found(applied_and_not_acknowledged, LEVEL), None);
        let leased_and_not_admitted = Ticks {
            outgoing_token: 4,
            ..LEVEL
        };
        assert_eq!(found(LEVEL, leased_and_not_admitted), None);

        assert_eq!(
            found(
                Ticks {
                    incoming_tick: 6,
                    ..LEVEL
                },
                LEVEL
            ),
            Some(Backend::New)
        );
        assert_eq!(
            found(
                LEVEL,
                Ticks {
                    outgoing_tick: 6,
                    ..LEVEL
                }
            ),
            Some(Backend::Old)
        );
        assert_eq!(
            found(
                LEVEL,
                Ticks {
                    outgoing_token: 2,
                    ..LEVEL
                }
            ),
            Some(Backend::Old)
        );
    }
}
