use serde::{Deserialize, Serialize};
use turnout_vocabulary::PerBackend;

use crate::statistics::{Comparison, Summary};

/// What was measured of both backends. It holds no subject and no row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// How often each operation was carried out on each side.
    pub samples: u32,
    /// The operations.
    pub operations: Vec<Measured>,
    /// What was not measured, with the reasons.
    pub left_out: Vec<LeftOut>,
    /// The names of the operations that are slower on `new`.
    pub slower: Vec<String>,
}

/// One operation on both backends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// What it is called.
    pub name: String,
    /// How long it took on each side.
    pub sides: PerBackend<Timings>,
    /// The median of `new` divided by that of `old`.
    pub ratio: f64,
    /// How likely `new` would be to seem this slow if both were alike.
    pub p: f64,
    /// Whether `new` is slower: certainly, and by enough to matter.
    pub slower: bool,
}

/// How long an operation took on one side, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// The median.
    pub median_ms: f64,
    /// The interval that holds the true median with a confidence of 95 %, by order statistics.
    pub median_between_ms: [f64; 2],
    /// The time that 95 of 100 do not exceed.
    pub p95_ms: f64,
    /// The time that 99 of 100 do not exceed.
    pub p99_ms: f64,
    /// How many rows all of them found or wrote.
    pub rows: u64,
    /// Each time in microseconds, for later comparisons; empty where it is only shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub micros: Vec<u32>,
}

/// Something that was not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What it is called.
    pub name: String,
    /// Why not.
    pub reason: String,
}

impl Timings {
    /// What these times come to; `rows` is how many rows they found or wrote.
    pub(crate) fn of(micros: Vec<u32>, rows: u64) -> Self {
        let Summary {
            median,
            p95,
            p99,
            low,
            high,
        } = Summary::of(&micros);
        let ms = |micros: f64| micros / 1000.0;
        Self {
            median_ms: ms(median),
            median_between_ms: [ms(low), ms(high)],
            p95_ms: ms(p95),
            p99_ms: ms(p99),
            rows,
            micros,
        }
    }
}

impl Baseline {
    /// What these operations come to.
    pub(crate) fn of(samples: u32, timed: Vec<(String, PerBackend<Timings>)>, left_out: Vec<LeftOut>) -> Self {
        let count = timed.len();
        let operations: Vec<Measured> = timed
            .into_iter()
            .map(|(name, sides)| {
                let Comparison { ratio, p, slower } = Comparison::of(&sides.old.micros, &sides.new.micros, count);
                Measured {
                    name,
                    sides,
                    ratio,
                    p,
                    slower,
                }
            })
            .collect();
        let slower = operations.iter().filter(|operation| operation.slower);
        Self {
            samples,
            slower: slower.map(|operation| operation.name.clone()).collect(),
            operations,
            left_out,
        }
    }

    /// The same without the single times, to be shown.
    #[must_use]
    pub fn without_single_times(mut self) -> Self {
        for operation in &mut self.operations {
            operation.sides.old.micros.clear();
            operation.sides.new.micros.clear();
        }
        self
    }
}
