use std::ops::Range;

/// How many digits a phone has at least, without its codes of country and area.
const DIGITS: usize = 7;

/// How many characters that are no letters may stand between two digits of one phone.
const SEPARATORS: usize = 4;

/// The parts of a text that may be phones; those of this one whatever stands between its digits.
pub(super) fn ranges(text: &str, subject: Option<&str>) -> Vec<Range<usize>> {
    let digits: Vec<(usize, char)> = text.char_indices().filter(|(_, char)| char.is_numeric()).collect();
    let range = |digits: &[(usize, char)]| match digits {
        [(start, _), .., (last, digit)] => Some(*start..last + digit.len_utf8()),
        _ => None,
    };
    let together = |one: &(usize, char), next: &(usize, char)| {
        let between = &text[one.0 + one.1.len_utf8()..next.0];
        between.chars().take(SEPARATORS + 1).count() <= SEPARATORS && !between.chars().any(char::is_alphabetic)
    };
    let runs = digits.chunk_by(together).filter(|run| run.len() >= DIGITS);
    let mut found: Vec<_> = runs.filter_map(range).collect();
    if let Some(subject) = subject {
        let values: Vec<_> = digits.iter().map(|(_, digit)| value(*digit)).collect();
        let own: Vec<_> = subject.chars().filter_map(value).map(Some).collect();
        let codes = own.len().saturating_sub(DIGITS);
        let own = &own[codes..];
        let places = values.windows(own.len().max(1)).enumerate();
        let places = places.filter(|(_, window)| *window == own);
        found.extend(places.filter_map(|(place, _)| range(&digits[place.saturating_sub(codes)..place + own.len()])));
    }
    found
}

/// The value of a decimal digit, ASCII or full-width.
fn value(digit: char) -> Option<u32> {
    match digit {
        '０'..='９' => Some(u32::from(digit) - u32::from('０')),
        _ => digit.to_digit(10),
    }
}
