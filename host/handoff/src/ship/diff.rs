//! A unified diff of two texts, line by line.

use std::fmt::Write as _;

/// How many equal lines are shown around a change.
const CONTEXT: usize = 3;

/// The most pairs of lines that are compared. Texts with more are shown as wholly different between their common ends.
const PAIRS: usize = 1 << 22;

/// What happens to a line from one text to the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'t> {
    Same(&'t str),
    Gone(&'t str),
    Come(&'t str),
}

/// The changes from one text to another in the unified format, without names of files; empty if there are none.
pub(super) fn unified(before: &str, after: &str) -> String {
    let lines = lines(&before.lines().collect::<Vec<_>>(), &after.lines().collect::<Vec<_>>());
    let changed: Vec<_> = (0..lines.len())
        .filter(|&at| !matches!(lines[at], Line::Same(_)))
        .collect();
    let mut diff = String::new();
    for hunk in changed.chunk_by(|one, next| next - one <= 2 * CONTEXT) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else {
            continue;
        };
        let (start, end) = (first.saturating_sub(CONTEXT), (last + 1 + CONTEXT).min(lines.len()));
        let count = |lines: &[Line<'_>], other: fn(&Line<'_>) -> bool| lines.iter().filter(|line| !other(line)).count();
        let old = |lines: &[Line<'_>]| count(lines, |line| matches!(line, Line::Come(_)));
        let new = |lines: &[Line<'_>]| count(lines, |line| matches!(line, Line::Gone(_)));
        let (shown, before) = (&lines[start..end], &lines[..start]);
        // A String takes everything.
        let _ = writeln!(
            diff,
            "@@ -{},{} +{},{} @@",
            old(before) + 1,
            old(shown),
            new(before) + 1,
            new(shown)
        );
        for line in shown {
            let (sign, text) = match line {
                Line::Same(text) => (' ', text),
                Line::Gone(text) => ('-', text),
                Line::Come(text) => ('+', text),
            };
            let _ = writeln!(diff, "{sign}{text}");
        }
    }
    diff
}

fn lines<'t>(before: &[&'t str], after: &[&'t str]) -> Vec<Line<'t>> {
    let head = before.iter().zip(after).take_while(|(old, new)| old == new).count();
    let (old, new) = (&before[head..], &after[head..]);
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(old, new)| old == new)
        .count();
    let (old, rest) = old.split_at(old.len() - tail);
    let new = &new[..new.len() - tail];
    let mut found: Vec<_> = before[..head].iter().map(|line| Line::Same(line)).collect();
    found.extend(middle(old, new));
    found.extend(rest.iter().map(|line| Line::Same(line)));
    found
}

/// The longest common subsequence of two texts without common ends.
fn middle<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    let gone = old.iter().map(|line| Line::Gone(line));
    let come = new.iter().map(|line| Line::Come(line));
    if old.len().saturating_mul(new.len()) > PAIRS {
        return gone.chain(come).collect();
    }
    // By the lines that are left of both texts: how many of them can stay.
    let width = new.len() + 1;
    let mut stay = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            stay[i * width + j] = if old[i] == new[j] {
                stay[(i + 1) * width + j + 1] + 1
            } else {
                stay[(i + 1) * width + j].max(stay[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            found.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if stay[(i + 1) * width + j] >= stay[i * width + j + 1] {
            found.push(Line::Gone(old[i]));
            i += 1;
        } else {
            found.push(Line::Come(new[j]));
            j += 1;
        }
    }
    found.extend(gone.skip(i));
    found.extend(come.skip(j));
    found
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn changes_are_shown_with_the_lines_around_them() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
        let after = "a\nb\nc\nd\nE\nf\ng\nh\ni\nj\nk\nl\nm\n";
        assert_eq!(
            unified(before, after),
            "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n@@ -10,3 +10,4 @@\n j\n k\n l\n+m\n"
        );
        assert_eq!(unified(before, before), "");
        assert_eq!(unified("", "x\n"), "@@ -1,0 +1,1 @@\n+x\n");
    }

    #[test]
    fn texts_of_many_lines_are_compared_soon() {
        let (before, after) = ("old\n".repeat(100_000), "new\n".repeat(100_000));
        assert_eq!(unified(&before, &after).lines().count(), 200_001);
    }
}
