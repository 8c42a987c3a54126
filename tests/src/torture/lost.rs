use super::history::{Entry, Outcome};
use super::spec::{Reply, Step};

/// What the last look missed: the last write, if the write was acknowledged and no other write overlapped with it. The check of
/// linearizability finds the same and more; this one says it in words.
pub(crate) fn lost(history: &[Entry]) -> Option<String> {
    let last_look = history.iter().rev().find_map(|entry| match entry.outcome {
        Outcome::Done(_, Reply::Was(seen)) if entry.step == Step::Read => Some(seen),
        _ => None,
    })?;
    let writes = || {
        history
            .iter()
            .filter(|entry| entry.step != Step::Read && entry.outcome != Outcome::Refused)
    };
    let last = writes().max_by_key(|entry| entry.invoked)?;
    let alone = writes().all(|entry| match entry.outcome {
        Outcome::Done(answered, _) => answered < last.invoked || entry.invoked == last.invoked,
        _ => false,
    });
    let Outcome::Done(_, reply) = last.outcome else {
        return None;
    };
    let expected = match reply {
        Reply::Inserted | Reply::Changed => last.step.value(),
        Reply::Missed | Reply::Was(_) => None,
        // The row then holds a value from before, or may hold one.
        Reply::Taken | Reply::Untold => return None,
    };
    (alone && last_look != expected).then(|| format!("{:?} was acknowledged, and {last_look:?} is there", last.step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(invoked: u64, step: Step, outcome: Outcome) -> Entry {
        Entry { invoked, step, outcome }
    }

    fn look(seen: Option<u64>) -> Entry {
        entry(100, Step::Read, Outcome::Done(101, Reply::Was(seen)))
    }

    #[test]
    fn a_last_write_that_is_not_there_is_lost() {
        let insert = entry(0, Step::Insert(1), Outcome::Done(1, Reply::Inserted));
        let delete = entry(2, Step::Delete, Outcome::Done(3, Reply::Was(Some(1))));
        for (history, is_lost) in [
            (vec![insert, look(Some(1))], false),
            (vec![insert, look(None)], true),
            (vec![insert, look(Some(2))], true),
            (vec![insert, delete, look(None)], false),
            (vec![insert, delete, look(Some(1))], true),
        ] {
            assert_eq!(lost(&history).is_some(), is_lost, "{history:?}");
        }
    }

    #[test]
    fn what_happened_at_the_same_time_or_is_in_doubt_is_left_to_the_checker() {
        let first = entry(0, Step::Upsert(1), Outcome::Done(3, Reply::Inserted));
        let second = entry(2, Step::Upsert(2), Outcome::Done(5, Reply::Changed));
        assert_eq!(lost(&[first, second, look(Some(1))]), None);
        let doubtful = entry(6, Step::Delete, Outcome::InDoubt);
        assert_eq!(lost(&[second, doubtful, look(None)]), None);
        let refused = entry(6, Step::Delete, Outcome::Refused);
        assert!(lost(&[second, refused, look(None)]).is_some());
    }
}
