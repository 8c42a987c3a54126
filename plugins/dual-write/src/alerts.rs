use turnout_policy::dual_write::{Alert, AlertKind, MirrorPlan, MirrorState, Outcome, Severity};

use crate::rules::Rule;

/// The alerts of a write.
pub(crate) fn of(outcome: &Outcome, rule: &Rule) -> Vec<Alert> {
    let slow = rule
        .exceeded(outcome.took)
        .map(|(over, severity)| (AlertKind::Slow(over), severity));
    let mirror = match (outcome.mirror, outcome.mirror_took, rule.plan()) {
        (MirrorState::Parked, ..) => Some((AlertKind::Parked, Severity::Critical)),
        (_, Some(took), _) => rule
            .exceeded(took)
            .map(|(over, severity)| (AlertKind::LateMirror(over), severity)),
        // The answer waited for the mirror in vain.
        (MirrorState::Pending, None, MirrorPlan::Sync(bound)) => {
            Some((AlertKind::LateMirror(bound), Severity::Warning))
        }
        _ => None,
    };
    let alerts = slow.into_iter().chain(mirror);
    alerts.map(|(kind, severity)| Alert { kind, severity }).collect()
}

impl Rule {
    /// The threshold that a time in microseconds exceeds, in milliseconds, and how much that matters.
    fn exceeded(&self, took: u32) -> Option<(u32, Severity)> {
        [(self.critical, Severity::Critical), (self.warning, Severity::Warning)]
            .into_iter()
            .find(|(threshold, _)| u64::from(took) > u64::from(*threshold) * 1_000)
    }
}

#[cfg(test)]
mod tests {
    use turnout_policy::{Action, Backend};

    use super::*;
    use crate::settings::Mirror;

    /// The alerts of a write under the default rule with another mirror, as text.
    fn alerts(way: Mirror, took: u32, mirror: MirrorState, mirror_took: Option<u32>) -> Vec<String> {
        let outcome = Outcome {
            action: Action::Insert,
            repository: 0,
            authority: Backend::Old,
            took,
            mirror,
            mirror_took,
        };
        let rule = Rule {
            mirror: way,
            sync_bound: 200,
            ..Rule::DEFAULT
        };
        let alerts = of(&outcome, &rule);
        alerts
            .iter()
            .map(|alert| format!("{:?} {:?}", alert.kind, alert.severity))
            .collect()
    }

    #[test]
    fn nobody_hears_of_a_write_that_is_within_its_times() {
        let quiet: [String; 0] = [];
        assert_eq!(alerts(Mirror::Async, 500_000, MirrorState::Done, Some(500_000)), quiet);
        assert_eq!(alerts(Mirror::Async, 1, MirrorState::Pending, None), quiet);
        assert_eq!(alerts(Mirror::Off, 1, MirrorState::Off, None), quiet);
    }

    #[test]
    fn a_slow_write_warns_and_a_slower_one_calls() {
        for (took, alert) in [
            (500_001, "AlertKind::Slow(500) Severity::Warning"),
            (1_000_000, "AlertKind::Slow(500) Severity::Warning"),
            (1_000_001, "AlertKind::Slow(1000) Severity::Critical"),
            (u32::MAX, "AlertKind::Slow(1000) Severity::Critical"),
        ] {
            assert_eq!(alerts(Mirror::Async, took, MirrorState::Pending, None), [alert]);
        }
    }

    #[test]
    fn a_late_mirror_is_told_apart_from_a_slow_write() {
        assert_eq!(
            alerts(Mirror::Async, 600_000, MirrorState::Done, Some(2_000_000)),
            [
                "AlertKind::Slow(500) Severity::Warning",
                "AlertKind::LateMirror(1000) Severity::Critical"
            ]
        );
    }

    #[test]
    fn a_sync_write_whose_bound_has_passed_warns() {
        assert_eq!(
            alerts(Mirror::Sync, 1, MirrorState::Pending, None),
            ["AlertKind::LateMirror(200) Severity::Warning"]
        );
    }

    #[test]
    fn a_parked_row_calls() {
        assert_eq!(
            alerts(Mirror::Sync, 1, MirrorState::Parked, None),
            ["AlertKind::Parked Severity::Critical"]
        );
    }
}
