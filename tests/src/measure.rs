use std::fmt;
use std::time::Duration;

/// The minimum, median and maximum of repeated measurements.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The minimum.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// The maximum.
    pub max: f64,
}

impl Spread {
    /// The spread of measurements.
    ///
    /// # Panics
    /// If there are no measurements.
    #[must_use]
    pub fn of(measurements: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = measurements.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        assert!(!sorted.is_empty(), "nothing was measured");
        Self {
            min: sorted[0],
            median: sorted[sorted.len() / 2],
            max: sorted[sorted.len() - 1],
        }
    }
}

/// Writes the median, and the minimum and maximum in brackets, with the precision of the formatter.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(
            f,
            "{:.digits$} [{:.digits$} … {:.digits$}]",
            self.median, self.min, self.max
        )
    }
}

/// Percentiles of durations, written in milliseconds.
pub struct Percentiles(Vec<Duration>);

impl Percentiles {
    /// The percentiles of these durations; zeros if there are no durations.
    #[must_use]
    pub fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort();
        Self(durations)
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |thousandths: usize| {
            let place = self.0.len().saturating_sub(1) * thousandths / 1000;
            self.0
                .get(place)
                .map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
        };
        write!(
            f,
            "p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, longest {:.1} ms",
            at(500),
            at(990),
            at(999),
            at(1000)
        )
    }
}
