use std::ops::Range;

/// How many letters a subject has at least to be found inside a word.
const WITHIN_WORDS: usize = 4;

/// Where a text names this subject, in letters of either case.
pub(super) fn ranges(text: &str, subject: Option<&str>) -> Vec<Range<usize>> {
    let Some(subject) = subject else { return Vec::new() };
    let within_words = subject.chars().count() >= WITHIN_WORDS;
    let begins = |at: usize| within_words || !text[..at].ends_with(char::is_alphanumeric);
    let ends = |at: usize| within_words || !text[at..].starts_with(char::is_alphanumeric);
    let found = text.char_indices().filter_map(|(at, _)| {
        let length = length_of_prefix(&text[at..], subject)?;
        (begins(at) && ends(at + length)).then_some(at..at + length)
    });
    found.collect()
}

/// How many bytes of a text its beginning takes that is the subject in letters of either case.
fn length_of_prefix(text: &str, subject: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    for expected in subject.chars() {
        let (_, found) = characters.next()?;
        if !found.to_lowercase().eq(expected.to_lowercase()) {
            return None;
        }
    }
    Some(characters.next().map_or(text.len(), |(at, _)| at))
}
