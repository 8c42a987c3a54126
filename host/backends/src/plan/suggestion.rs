//! What a caller may have meant by a name that is unknown.

/// How alike two names must be: the share of letters that stay.
const ALIKE: f64 = 0.33;

/// The same for the names of tables, where PostgREST asks for more.
const ALIKE_TABLES: f64 = 0.75;

/// The name that is most like the unknown one, unless none is much like it or it is there itself.
pub(crate) fn among<'n>(names: impl IntoIterator<Item = &'n str>, unknown: &str) -> Option<&'n str> {
    closest(names, unknown, ALIKE)
}

/// The name of the table that a caller may have meant by an unknown one.
pub fn suggested_table<'n>(names: impl IntoIterator<Item = &'n str>, unknown: &str) -> Option<&'n str> {
    closest(names, unknown, ALIKE_TABLES)
}

fn closest<'n>(names: impl IntoIterator<Item = &'n str>, unknown: &str, least: f64) -> Option<&'n str> {
    let mut best: Option<(&str, f64)> = None;
    for name in names {
        let likeness = likeness(name, unknown);
        let is_better = best.is_none_or(|(_, so_far)| likeness > so_far);
        if name != unknown && likeness >= least && is_better {
            best = Some((name, likeness));
        }
    }
    best.map(|(name, _)| name)
}

/// One for equal names, zero for names that have no two letters in a row in common.
fn likeness(one: &str, other: &str) -> f64 {
    let (one, other): (Vec<char>, Vec<char>) = (lowercase(one), lowercase(other));
    let have_pair = one.windows(2).any(|pair| other.windows(2).any(|twin| pair == twin));
    let longest = one.len().max(other.len());
    if !have_pair || longest == 0 {
        return 0.0;
    }
    let changes = u32::try_from(changes(&one, &other)).unwrap_or(u32::MAX);
    1.0 - f64::from(changes) / f64::from(u32::try_from(longest).unwrap_or(u32::MAX))
}

fn lowercase(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// How many letters must be put in, taken out or replaced to make the other of one.
fn changes(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (twin, other_letter) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other_letter);
            diagonal = row[twin + 1];
            row[twin + 1] = replaced.min(diagonal + 1).min(row[twin] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_suggested() {
        let names = ["directors", "roles", "actors"];
        assert_eq!(among(names, "role"), Some("roles"));
        assert_eq!(among(names, "Actor"), Some("actors"));
        assert_eq!(among(names, "noclosealternative"), None);
        assert_eq!(among([], "role"), None);
    }

    #[test]
    fn a_table_is_suggested_only_for_a_very_similar_name() {
        assert_eq!(suggested_table(["projects"], "projecxx"), Some("projects"));
        assert_eq!(suggested_table(["projects"], "projxxxx"), None);
    }

    #[test]
    fn a_name_that_is_there_is_no_suggestion() {
        assert_eq!(among(["roles"], "roles"), None);
    }
}
