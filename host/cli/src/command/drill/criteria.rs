use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use turnout_vocabulary::Backend;

use super::traffic::{Answer, Operation};
use super::way::{Way, Ways};

/// How both sides compare that are equal.
const EQUAL: &str = "equal";

/// What came out of a drill. It names no subject.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) passed: bool,
    /// How long both ways took together.
    pub(super) seconds: f64,
    /// The side that the cohort left and came back to.
    pub(super) from: Backend,
    pub(super) there: Leg,
    pub(super) back: Leg,
    /// How many operations there were.
    pub(super) operations: usize,
    pub(super) criteria: Vec<Criterion>,
}

/// One way.
#[derive(Debug, Serialize)]
pub(super) struct Leg {
    pub(super) seconds: f64,
    /// How long the longest operation took that was under way meanwhile, in milliseconds; `None` if there was none.
    pub(super) longest_operation_ms: Option<f64>,
}

/// Something that must hold.
#[derive(Debug, Serialize)]
pub(super) struct Criterion {
    pub(super) name: &'static str,
    pub(super) passed: bool,
    pub(super) found: Value,
    pub(super) wanted: Value,
}

/// What was seen.
pub(super) struct Found<'a> {
    pub(super) from: Backend,
    pub(super) ways: &'a Ways,
    pub(super) operations: &'a [Operation],
    /// The repositories whose rows differ.
    pub(super) different: &'a [String],
    /// Whether the settings are as they were.
    pub(super) restored: bool,
    pub(super) within: Duration,
}

impl Outcome {
    pub(super) fn of(found: &Found<'_>) -> Self {
        let Found {
            from,
            ways,
            operations,
            different,
            restored,
            within,
        } = *found;
        let count = |answer: Answer| operations.iter().filter(|operation| operation.answer == answer).count();
        let seconds = (ways.there.took() + ways.back.took()).as_secs_f64();
        let none = |name, found: usize| Criterion {
            name,
            passed: found == 0,
            found: found.into(),
            wanted: 0.into(),
        };
        let stayed = |operation: &Operation| operation.began >= ways.there.ended && operation.ended <= ways.back.began;
        let between = || operations.iter().filter(|operation| stayed(operation));
        let moved = between()
            .filter(|operation| operation.answer == Answer::From(from.other()))
            .count();
        let equality = match different {
            [] => EQUAL.to_owned(),
            _ => format!("rows differ in {}", different.join(", ")),
        };
        let criteria = vec![
            none("no operation is refused", count(Answer::Refused)),
            none("no operation is lost", count(Answer::Lost)),
            Criterion {
                name: "the other side answers while the cohort is there",
                passed: moved > 0 && moved == between().count(),
                found: format!("{moved} of {} operations", between().count()).into(),
                wanted: "all".into(),
            },
            Criterion {
                name: "both sides are equal afterwards",
                passed: different.is_empty(),
                found: equality.into(),
                wanted: EQUAL.into(),
            },
            Criterion {
                name: "the settings are as they were",
                passed: restored,
                found: restored.into(),
                wanted: true.into(),
            },
            Criterion {
                name: "both ways take no longer than allowed, in seconds",
                passed: seconds <= within.as_secs_f64(),
                found: seconds.into(),
                wanted: within.as_secs_f64().into(),
            },
        ];
        Self {
            passed: criteria.iter().all(|criterion| criterion.passed),
            seconds,
            from,
            there: Leg::of(&ways.there, operations),
            back: Leg::of(&ways.back, operations),
            operations: operations.len(),
            criteria,
        }
    }
}

impl Leg {
    fn of(way: &Way, operations: &[Operation]) -> Self {
        let meets = |operation: &&Operation| operation.began <= way.ended && operation.ended >= way.began;
        let took = operations
            .iter()
            .filter(meets)
            .map(|operation| operation.ended - operation.began);
        Self {
            seconds: way.took().as_secs_f64(),
            longest_operation_ms: took.max().map(|longest| longest.as_secs_f64() * 1000.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn one_refused_operation_fails_the_drill() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let way = |began, ended| Way {
            began: at(began),
            ended: at(ended),
        };
        let ways = Ways {
            there: way(100, 200),
            back: way(1000, 1100),
        };
        let operation = |began, ended, answer| Operation {
            began: at(began),
            ended: at(ended),
            answer,
        };
        let mut operations = vec![
            operation(0, 10, Answer::From(Backend::Old)),
            operation(110, 210, Answer::From(Backend::New)),
            operation(300, 310, Answer::From(Backend::New)),
        ];
        let outcome = |operations: &[Operation], within| {
            Outcome::of(&Found {
                from: Backend::Old,
                ways: &ways,
                operations,
                different: &[],
                restored: true,
                within: Duration::from_millis(within),
            })
        };
        let passed = outcome(&operations, 200);
        assert!(passed.passed, "{passed:?}");
        assert_eq!(passed.there.longest_operation_ms, Some(100.0));
        assert!(!outcome(&operations, 199).passed);
        operations.push(operation(1010, 1020, Answer::Refused));
        assert!(!outcome(&operations, 200).passed);
        assert!(!outcome(&operations[..2], 200).passed);
    }
}
