//! What samples of a time say, and whether one of two sets of them is slower. No I/O, no clock.

/// The samples of one set must be at least so many times as slow as the other's, by their medians, to count as slower: less than that is
/// of no consequence, however certain.
const RELEVANT_RATIO: f64 = 1.2;

/// How likely a whole comparison may be to find something slower by chance. It is divided among the operations that are compared.
const ALPHA: f64 = 0.01;

/// What samples say, in the unit of the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    /// The ends of the interval that holds the true median with a confidence of 95 %.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Summary {
    /// The summary of samples; zeros if there are none.
    pub(crate) fn of(samples: &[u32]) -> Self {
        let sorted = sorted(samples);
        let [low, high] = median_ranks(sorted.len());
        Self {
            median: median(&sorted),
            p95: at_rank(&sorted, rank(sorted.len(), 95)),
            p99: at_rank(&sorted, rank(sorted.len(), 99)),
            low: at_rank(&sorted, low),
            high: at_rank(&sorted, high),
        }
    }
}

/// How two sets of samples compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Comparison {
    /// The median of the second set divided by that of the first.
    pub(crate) ratio: f64,
    /// How likely the second set would be to lie this far above the first, or farther, if both were alike.
    pub(crate) p: f64,
    /// Whether the second set is slower: certainly, and by enough to matter.
    pub(crate) slower: bool,
}

impl Comparison {
    /// Compares two sets; `of` is how many such comparisons are made together.
    pub(crate) fn of(first: &[u32], second: &[u32], of: usize) -> Self {
        let (first_median, second_median) = (median(&sorted(first)), median(&sorted(second)));
        let ratio = if first_median > 0.0 {
            second_median / first_median
        } else {
            1.0
        };
        let p = p_of_greater(first, second);
        Self {
            ratio,
            p,
            slower: p < ALPHA / count(of.max(1)) && ratio >= RELEVANT_RATIO,
        }
    }
}

fn sorted(samples: &[u32]) -> Vec<u32> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted
}

#[expect(clippy::cast_precision_loss, reason = "numbers of samples are small")]
fn count(number: usize) -> f64 {
    number as f64
}

fn median(sorted: &[u32]) -> f64 {
    let half = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(half)) {
        (_, None) => 0.0,
        (1, Some(&middle)) => f64::from(middle),
        (_, Some(&upper)) => f64::midpoint(f64::from(sorted[half - 1]), f64::from(upper)),
    }
}

/// The rank of a percentile, from 1: the lowest that so many percent of the samples do not exceed.
fn rank(samples: usize, percent: usize) -> usize {
    (samples * percent).div_ceil(100)
}

/// The sample of a rank, from 1; zero if there are no samples.
fn at_rank(sorted: &[u32], rank: usize) -> f64 {
    let place = rank.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(place).copied().map_or(0.0, f64::from)
}

/// The ranks of the samples between which the median lies with a confidence of 95 %, whatever the distribution: how many samples lie below
/// the median is binomial, and here approximated by the normal distribution.
fn median_ranks(samples: usize) -> [usize; 2] {
    let samples = count(samples);
    let reach = 1.959_964 * samples.sqrt();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is small and not negative"
    )]
    let whole = |rank: f64| rank.max(1.0).round() as usize;
    [
        whole(f64::midpoint(samples, -reach)),
        whole(1.0 + f64::midpoint(samples, reach)),
    ]
}

/// The Mann-Whitney U test, one-sided: how likely `second` would be to lie this far above `first` if both were alike. Normal approximation
/// with corrections for ties and continuity; 1 if either has no samples.
fn p_of_greater(first: &[u32], second: &[u32]) -> f64 {
    let (firsts, seconds) = (count(first.len()), count(second.len()));
    let all = firsts + seconds;
    let mut pooled: Vec<(u32, bool)> = first.iter().map(|&sample| (sample, false)).collect();
    pooled.extend(second.iter().map(|&sample| (sample, true)));
    pooled.sort_unstable();
    let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    for tied in pooled.chunk_by(|one, other| one.0 == other.0) {
        let size = count(tied.len());
        let of_second = count(tied.iter().filter(|(_, is_second)| *is_second).count());
        rank_sum += of_second * (before + f64::midpoint(size, 1.0));
        ties += size.powi(3) - size;
        before += size;
    }
    let u = rank_sum - seconds * (seconds + 1.0) / 2.0;
    let variance = firsts * seconds / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)).max(1.0));
    if variance <= 0.0 {
        return 1.0;
    }
    let z = (u - firsts * seconds / 2.0 - 0.5) / variance.sqrt();
    libm::erfc(z / std::f64::consts::SQRT_2) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() < 1e-9
    }

    #[test]
    fn percentiles_are_those_of_the_ranks() {
        let samples: Vec<u32> = (1..=200).rev().collect();
        let summary = Summary::of(&samples);
        assert_eq!((summary.median, summary.p95, summary.p99), (100.5, 190.0, 198.0));
        assert!(is(median(&[3, 5, 100]), 5.0));
        assert_eq!(
            Summary::of(&[7]),
            Summary {
                median: 7.0,
                p95: 7.0,
                p99: 7.0,
                low: 7.0,
                high: 7.0
            }
        );
        assert!(is(Summary::of(&[]).median, 0.0));
    }

    #[test]
    fn the_interval_of_a_median_has_the_ranks_of_the_binomial_tables() {
        for (samples, ranks) in [(10, [2, 9]), (20, [6, 15]), (50, [18, 33]), (100, [40, 61])] {
            assert_eq!(median_ranks(samples), ranks, "{samples}");
        }
    }

    #[test]
    fn the_test_gives_the_values_that_scipy_documents() {
        // scipy.stats.mannwhitneyu, method "asymptotic": two-sided 0.11134688653314041.
        let p = p_of_greater(&[20, 11, 17, 12], &[19, 22, 16, 29, 24]);
        assert!(is(p, 0.111_346_886_533_140_41 / 2.0), "{p}");
        assert!(is(p_of_greater(&[5; 30], &[5; 30]), 1.0));
        assert!(is(p_of_greater(&[], &[1]), 1.0));
    }

    #[test]
    fn slower_is_what_is_certain_and_matters() {
        let first: Vec<u32> = (1000..1200).collect();
        let by = |factor: f64| -> Vec<u32> {
            first
                .iter()
                .map(|&sample| {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
                    let scaled = (f64::from(sample) * factor) as u32;
                    scaled
                })
                .collect()
        };
        assert!(Comparison::of(&first, &by(1.5), 5).slower);
        let certain = Comparison::of(&first, &by(1.1), 5);
        assert!(certain.p < 1e-6 && !certain.slower, "{certain:?}");
        assert!(!Comparison::of(&first, &by(0.5), 5).slower);
        let few = Comparison::of(&[10, 20], &[30, 40], 5);
        assert!(few.ratio > 2.0 && !few.slower, "{few:?}");
    }
}
