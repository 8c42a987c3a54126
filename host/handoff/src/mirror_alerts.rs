use std::collections::{HashMap, HashSet};
use std::time::Duration;

use turnout_alerts::{Alert, Cause, Component, DualWrite, Kind};
use turnout_vocabulary::{Backend, PerBackend};

use crate::seen::Seen;

/// How many dirty keys of one repository people hear of.
const MANY: u64 = 100_000;

/// What people have heard of the mirror.
#[derive(Default)]
pub(crate) struct MirrorAlerts {
    /// Whether the changes of a side have waited too long.
    late: PerBackend<bool>,
    /// How many keys of a repository were parked when people last heard of it.
    parked: HashMap<(Backend, String), u64>,
    /// The repositories with gaps.
    gaps: HashSet<(Backend, String)>,
}

impl MirrorAlerts {
    /// What people should hear of how the mirroring of a side's changes stands now. Changes may wait for `bound`. A gap counts only in
    /// the repositories that are `compared`: the others are compared before they count as mirrored.
    pub(crate) fn look(&mut self, source: Backend, seen: &Seen, bound: Duration, compared: &[String]) -> Vec<Alert> {
        let mut alerts: Vec<_> = self.age(source, seen, bound).into_iter().collect();
        for table in &seen.standing {
            let told = self.parked.entry((source, table.repository.clone())).or_default();
            if table.parked == 0 {
                *told = 0;
            } else if table.parked >= *told * 2 {
                *told = table.parked;
                let cause = about(Kind::ParkedKeys, source).dual_write(DualWrite::Failed);
                let message = format!(
                    "{} keys of {} could not be mirrored from backend {source} and are parked; see `turnout mirror list`",
                    table.parked, table.repository
                );
                alerts.push(cause.repository(&table.repository).warns(message));
            }
        }
        let mut open = HashSet::new();
        for gap in seen.gaps.iter().filter(|gap| compared.contains(&gap.repository)) {
            let place = (source, gap.repository.clone());
            if !self.gaps.contains(&place) {
                let cause = about(Kind::Gap, source).repository(&gap.repository);
                alerts.push(cause.warns(gap.to_string()));
            }
            open.insert(place);
        }
        self.gaps
            .retain(|(backend, repository)| *backend != source || seen.has_gap(repository));
        self.gaps.extend(open);
        alerts
    }

    fn age(&mut self, source: Backend, seen: &Seen, bound: Duration) -> Option<Alert> {
        let oldest = seen.standing.iter().filter_map(|table| table.oldest).max();
        let is_late =
            oldest.is_some_and(|oldest| oldest >= bound) || seen.standing.iter().any(|table| table.dirty >= MANY);
        if is_late == std::mem::replace(&mut self.late[source], is_late) {
            return None;
        }
        let cause = about(Kind::MirrorAge, source);
        if !is_late {
            return Some(cause.warns(format!("the mirror has caught up with the changes of backend {source}")));
        }
        let waiting: u64 = seen.standing.iter().map(|table| table.dirty).sum();
        let seconds = oldest.unwrap_or_default().as_secs();
        Some(cause.is_critical(format!(
            "the mirror is far behind: {waiting} changes of backend {source} wait, the oldest for {seconds} s; see `turnout status`"
        )))
    }
}

fn about(kind: Kind, source: Backend) -> Cause {
    Cause::new(kind, Component::Mirror).backend(source)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use turnout_backends::{Gap, GapKind, MirrorStanding};

    use super::*;

    const BOUND: Duration = Duration::from_mins(1);

    fn seen(oldest: Option<u64>, parked: u64) -> Seen {
        Seen {
            at: Instant::now(),
            standing: vec![MirrorStanding {
                schema: "public".into(),
                table: "clients".into(),
                repository: "clients".into(),
                dirty: oldest.map_or(0, |_| 3),
                oldest: oldest.map(Duration::from_secs),
                held: 0,
                parked,
                diverged: 0,
                verify: false,
            }],
            parked: Vec::new(),
            gaps: Vec::new(),
        }
    }

    fn said(alerts: Vec<Alert>) -> Vec<String> {
        alerts.into_iter().map(|alert| alert.message).collect()
    }

    #[test]
    fn a_late_mirror_is_told_once_and_again_when_over() {
        let mut alerts = MirrorAlerts::default();
        let mut look = |oldest| said(alerts.look(Backend::Old, &seen(oldest, 0), BOUND, &[]));
        assert!(look(Some(59)).is_empty());
        assert!(look(Some(60))[0].contains("the oldest for 60 s"));
        assert!(look(Some(70)).is_empty());
        assert!(look(None)[0].contains("has caught up"));
        assert!(look(None).is_empty());
    }

    #[test]
    fn parked_keys_are_told_again_when_they_have_doubled() {
        let mut alerts = MirrorAlerts::default();
        let told: Vec<_> = [1, 1, 2, 3, 4, 0, 1]
            .map(|parked| alerts.look(Backend::Old, &seen(None, parked), BOUND, &[]).len())
            .into();
        assert_eq!(told, [1, 0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn a_gap_is_told_once_and_only_where_rows_are_mirrored() {
        let mut alerts = MirrorAlerts::default();
        let mut seen = seen(None, 0);
        seen.gaps.push(Gap {
            backend: Backend::Old,
            repository: "clients".into(),
            kind: GapKind::Replaced,
        });
        let clients = ["clients".to_owned()];
        assert!(alerts.look(Backend::Old, &seen, BOUND, &[]).is_empty());
        assert_eq!(alerts.look(Backend::Old, &seen, BOUND, &clients).len(), 1);
        assert!(alerts.look(Backend::Old, &seen, BOUND, &clients).is_empty());
        seen.gaps.clear();
        assert!(alerts.look(Backend::Old, &seen, BOUND, &clients).is_empty());
    }
}
