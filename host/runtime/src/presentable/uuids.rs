use std::ops::Range;

/// The parts of a text that may be UUIDs: 32 hexadecimal digits, with hyphens or without.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    let is_part = |char: char| char.is_ascii_hexdigit() || char == '-';
    let mut found = Vec::new();
    let mut start = 0;
    for run in text.split_inclusive(|char| !is_part(char)) {
        let digits = run.trim_end_matches(|char| !is_part(char));
        if digits.bytes().filter(u8::is_ascii_hexdigit).count() == 32 {
            found.push(start..start + digits.len());
        }
        start += run.len();
    }
    found
}
