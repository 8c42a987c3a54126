use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use turnout_vocabulary::Severity;

use crate::{Alert, Cause, Raised};

/// How often alerts of one cause are sent at most.
const WINDOW: Duration = Duration::from_mins(1);

/// The causes of the last minute, and what waits to be sent for them.
#[derive(Default)]
pub(crate) struct Groups(HashMap<Cause, Group>);

struct Group {
    /// When an alert of the cause was last sent.
    sent: Instant,
    /// Those that came since.
    held: Option<Raised>,
}

impl Groups {
    /// Takes an alert in. It is given back if it is to be sent now, with those that waited for it; else it waits.
    pub(crate) fn take(&mut self, alert: Alert, now: Instant) -> Option<Raised> {
        let first = Raised {
            at: SystemTime::now(),
            alert,
            count: 1,
        };
        let Some(group) = self.0.get_mut(&first.alert.cause) else {
            let group = Group { sent: now, held: None };
            self.0.insert(first.alert.cause.clone(), group);
            return Some(first);
        };
        let all = match group.held.take() {
            Some(held) => together(&held, first),
            None => first,
        };
        if now.duration_since(group.sent) < WINDOW {
            group.held = Some(all);
            return None;
        }
        group.sent = now;
        Some(all)
    }

    /// What has waited for its minute to be over. Causes of which nothing came for a minute are forgotten.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Raised> {
        let mut due = Vec::new();
        self.0.retain(|_, group| {
            if now.duration_since(group.sent) < WINDOW {
                return true;
            }
            group.sent = now;
            let held = group.held.take();
            let goes_on = held.is_some();
            due.extend(held);
            goes_on
        });
        due
    }

    /// Everything that waits, due or not.
    pub(crate) fn waiting(&mut self) -> Vec<Raised> {
        self.0.values_mut().filter_map(|group| group.held.take()).collect()
    }
}

/// The last alert for all of them, as grave as the gravest.
fn together(held: &Raised, last: Raised) -> Raised {
    let mut all = Raised {
        count: held.count + last.count,
        ..last
    };
    if held.alert.severity == Severity::Critical {
        all.alert.severity = Severity::Critical;
    }
    all
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::{Backend, Epoch};

    use super::*;
    use crate::{Component, Kind};

    fn slow(repository: &str, message: &str) -> Alert {
        let cause = Cause::new(Kind::Slow, Component::Pipeline).repository(repository);
        cause.warns(message)
    }

    fn sent(raised: Option<Raised>) -> Option<(String, u64)> {
        raised.map(|raised| (raised.alert.message, raised.count))
    }

    #[test]
    fn one_cause_goes_out_once_a_minute_with_its_number() {
        let mut groups = Groups::default();
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(sent(groups.take(slow("clients", "1"), begin)), Some(("1".into(), 1)));
        for second in 1..60 {
            assert!(groups.take(slow("clients", "more"), after(second)).is_none());
            assert!(groups.due(after(second)).is_empty(), "{second}");
        }
        let due: Vec<_> = groups.due(after(60)).into_iter().map(|one| one.count).collect();
        assert_eq!(due, [59]);
        // The summary begins a minute of its own.
        assert!(groups.take(slow("clients", "more"), after(61)).is_none());
        assert_eq!(
            sent(groups.take(slow("clients", "last"), after(121))),
            Some(("last".into(), 2))
        );
    }

    #[test]
    fn other_causes_do_not_wait_for_each_other() {
        let mut groups = Groups::default();
        let now = Instant::now();
        let clients = Cause::new(Kind::Slow, Component::Pipeline).repository("clients");
        let others = [
            clients.clone(),
            clients.clone().backend(Backend::Old),
            clients.clone().detail("word"),
            Cause::new(Kind::LateMirror, Component::Pipeline).repository("clients"),
            Cause::new(Kind::Slow, Component::Pipeline).repository("bookings"),
        ];
        for cause in others {
            assert!(groups.take(cause.warns("slow"), now).is_some());
        }
        // Numbers in the message and the epoch make no other cause.
        let same = clients.warns("took 501 ms").under(Epoch::new(7));
        assert!(groups.take(same, now).is_none());
    }

    #[test]
    fn a_summary_is_as_grave_as_its_gravest_alert() {
        let mut groups = Groups::default();
        let now = Instant::now();
        groups.take(slow("clients", "1"), now);
        groups.take(slow("clients", "2").cause.is_critical("2"), now);
        groups.take(slow("clients", "3"), now);
        let waiting = groups.waiting();
        let [summary] = &waiting[..] else { panic!("{waiting:?}") };
        assert_eq!(
            (summary.alert.severity, summary.alert.message.as_str(), summary.count),
            (Severity::Critical, "3", 2)
        );
        assert!(groups.waiting().is_empty());
    }

    #[test]
    fn a_cause_that_is_over_is_forgotten() {
        let mut groups = Groups::default();
        let begin = Instant::now();
        groups.take(slow("clients", "1"), begin);
        groups.take(slow("clients", "2"), begin);
        assert_eq!(groups.due(begin + WINDOW).len(), 1);
        assert!(groups.due(begin + WINDOW * 2).is_empty());
        assert!(groups.0.is_empty());
    }
}
