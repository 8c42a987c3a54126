use std::ops::Range;

/// The parts of a text that may be email addresses.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    text.match_indices('@')
        .filter_map(|(at, _)| address(text, at))
        .collect()
}

/// The address around the `@` at this place.
fn address(text: &str, at: usize) -> Option<Range<usize>> {
    let name = text[..at]
        .rsplit(|char: char| !char.is_alphanumeric() && !"._%+-".contains(char))
        .next()?;
    let domain = text[at + 1..]
        .split(|char: char| !char.is_alphanumeric() && !".-".contains(char))
        .next()?
        .trim_end_matches(['.', '-']);
    (!name.is_empty() && is_domain(domain)).then(|| at - name.len()..at + 1 + domain.len())
}

/// Whether a text may be a domain and is no version, such as `0.2.0-rc.1`.
fn is_domain(text: &str) -> bool {
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let mut labels = text.split('.');
    let is_version =
        matches!((labels.next(), labels.next()), (Some(major), Some(minor)) if is_number(major) && is_number(minor));
    let last = text.rsplit_once('.').map(|(_, last)| last);
    !is_version && last.is_some_and(|last| last.chars().count() >= 2 && last.starts_with(char::is_alphabetic))
}
