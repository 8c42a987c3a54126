use serde::Serialize;
use turnout_vocabulary::Backend;

use crate::baseline::Baseline;
use crate::statistics::Comparison;

/// How one operation of one side changed from one baseline to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The operation.
    pub name: String,
    /// The side.
    pub backend: Backend,
    /// The medians before and after, in milliseconds.
    pub medians_ms: [f64; 2],
    /// The median after divided by that before.
    pub ratio: f64,
    /// How likely the later times would be to seem this slow if both were alike.
    pub p: f64,
    /// Whether it became slower: certainly, and by enough to matter.
    pub slower: bool,
}

/// Puts a later baseline against an earlier one. Operations that only one of them has are passed over.
#[must_use]
pub fn compare(earlier: &Baseline, later: &Baseline) -> Vec<Change> {
    let both = later.operations.iter().filter_map(|after| {
        let before = earlier.operations.iter().find(|before| before.name == after.name)?;
        Some((before, after))
    });
    let both: Vec<_> = both.collect();
    let comparisons = both.len() * Backend::ALL.len();
    let sides = both.into_iter().flat_map(|(before, after)| {
        Backend::ALL.map(|backend| {
            let (first, second) = (&before.sides[backend], &after.sides[backend]);
            let Comparison { ratio, p, slower } = Comparison::of(&first.micros, &second.micros, comparisons);
            Change {
                name: after.name.clone(),
                backend,
                medians_ms: [first.median_ms, second.median_ms],
                ratio,
                p,
                slower,
            }
        })
    });
    sides.collect()
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::PerBackend;

    use super::*;
    use crate::Timings;

    fn baseline(name: &str, old: u32, new: u32) -> Baseline {
        let timings = |middle: u32| Timings::of((middle..middle + 100).collect(), 0);
        let sides = PerBackend {
            old: timings(old),
            new: timings(new),
        };
        Baseline::of(100, vec![(name.to_owned(), sides)], Vec::new())
    }

    #[test]
    fn each_side_is_put_against_itself() {
        let (earlier, later) = (baseline("lookup", 1000, 1000), baseline("lookup", 1000, 3000));
        assert_eq!(later.slower, ["lookup"]);
        let changes = compare(&earlier, &later);
        let slower: Vec<_> = changes.iter().map(|change| (change.backend, change.slower)).collect();
        assert_eq!(slower, [(Backend::Old, false), (Backend::New, true)]);
        assert!(compare(&earlier, &baseline("search", 1, 9)).is_empty());
    }

    #[test]
    fn what_is_kept_can_be_read_again() {
        let kept = serde_json::to_string(&baseline("lookup", 1000, 1500)).unwrap();
        let read: Baseline = serde_json::from_str(&kept).unwrap();
        assert_eq!(
            read.operations[0].sides,
            baseline("lookup", 1000, 1500).operations[0].sides
        );
        let shown = serde_json::to_string(&baseline("lookup", 1000, 1500).without_single_times()).unwrap();
        assert!(!shown.contains("micros"), "{shown}");
    }
}
