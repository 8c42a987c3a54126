//! Makes the texts of a policy fit for logs, metrics, alerts, statuses and screens.
//!
//! Whatever a module says passes [`presentable`]: log messages, reasons of `configure`, names of imports and exports, what the
//! engine repeats of a trap, the module's own name and version.

use std::fmt::Write as _;
use std::ops::Range;

use turnout_vocabulary::Subject;

/// What stands in place of a number that may be a phone.
const HIDDEN: &str = "[number hidden]";

/// The fewest digits of a phone, without the codes of country and area.
const PHONE_DIGITS: usize = 7;

/// How many characters that are no letters may stand between two digits of one phone.
const SEPARATORS: usize = 4;

/// How much of a text is searched for phones, as a multiple of the bytes that are kept.
const LOOKED_AT: usize = 4;

/// The longest reason, in bytes.
pub(crate) const REASON_BYTES: usize = 1024;

/// A text without what may be a phone, on one line, without control characters, and of `bytes` bytes at most.
///
/// A phone is seven digits or more, of any script, with up to four separators between two of them. Applying this twice changes nothing
/// more.
#[must_use]
pub fn presentable(text: &str, bytes: usize) -> String {
    about(text, bytes, None)
}

/// The same for a text of a call about a subject: the digits of the subject are hidden whatever stands between them.
pub(crate) fn about(text: &str, bytes: usize, subject: Option<&Subject>) -> String {
    let whole = text.len() <= bytes.saturating_mul(LOOKED_AT);
    let text = &text[..text.floor_char_boundary(bytes.saturating_mul(LOOKED_AT))];
    let digits: Vec<(usize, char)> = text.char_indices().filter(|(_, char)| char.is_numeric()).collect();
    let mut shown = String::with_capacity(text.len().min(bytes));
    let mut end = 0;
    for hidden in phones(text, &digits, subject) {
        escape(&text[end..hidden.start], &mut shown);
        shown.push_str(HIDDEN);
        end = hidden.end;
    }
    escape(&text[end..], &mut shown);
    if shown.len() > bytes || !whole {
        shown.truncate(shown.floor_char_boundary(bytes.saturating_sub('…'.len_utf8())));
        shown.push('…');
    }
    shown
}

/// The parts of a text that may be phones, in order, none within another.
fn phones(text: &str, digits: &[(usize, char)], subject: Option<&Subject>) -> Vec<Range<usize>> {
    let range = |digits: &[(usize, char)]| match digits {
        [(start, _), .., (last, digit)] => Some(*start..last + digit.len_utf8()),
        _ => None,
    };
    let together = |one: &(usize, char), next: &(usize, char)| {
        let between = &text[one.0 + one.1.len_utf8()..next.0];
        between.chars().take(SEPARATORS + 1).count() <= SEPARATORS && !between.chars().any(char::is_alphabetic)
    };
    let runs = digits.chunk_by(together).filter(|run| run.len() >= PHONE_DIGITS);
    let mut found: Vec<_> = runs.filter_map(range).collect();
    if let Some(subject) = subject {
        let values: Vec<_> = digits.iter().map(|(_, digit)| value(*digit)).collect();
        let own: Vec<_> = subject.as_str().chars().filter_map(value).map(Some).collect();
        let codes = own.len().saturating_sub(PHONE_DIGITS);
        let own = &own[codes..];
        let places = values.windows(own.len().max(1)).enumerate();
        let places = places.filter(|(_, window)| *window == own);
        found.extend(places.filter_map(|(place, _)| range(&digits[place.saturating_sub(codes)..place + own.len()])));
    }
    found.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for next in found {
        match apart.last_mut() {
            Some(last) if next.start < last.end => last.end = last.end.max(next.end),
            _ => apart.push(next),
        }
    }
    apart
}

/// The value of a decimal digit, ASCII or full-width.
fn value(digit: char) -> Option<u32> {
    match digit {
        '０'..='９' => Some(u32::from(digit) - u32::from('０')),
        _ => digit.to_digit(10),
    }
}

/// A text that its reader may see whole, such as settings, on one line and without control characters.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    escape(text, &mut shown);
    shown
}

/// Adds a text to `shown`. Escapes every character that has no shape of its own: ESC, NUL, ends of lines, marks that turn the
/// direction of writing.
fn escape(text: &str, shown: &mut String) {
    for char in text.chars() {
        if matches!(char, '"' | '\'' | '\\') {
            shown.push(char);
        } else {
            // Writing to a String never fails.
            let _ = write!(shown, "{}", char.escape_debug());
        }
    }
}

#[cfg(test)]
mod tests {
    use turnout_vocabulary::SubjectRule;

    use super::*;

    #[test]
    fn a_phone_is_hidden_in_every_spelling() {
        for spelling in [
            "89686484488",
            "7 968 648-44-88",
            "8 (968) 648 44 88",
            "8.968.648.44.88",
            "8/968/6484488",
            "8 9 6 8 6 4 8 4 4 8 8",
            "8, 9, 6, 8, 6, 4, 8, 4, 4, 8, 8",
            "８９６８６４８４４８８",
            "٨٩٦٨٦٤٨٤٤٨٨",
            "8\u{200b}9\u{200b}6\u{200b}8\u{200b}6\u{200b}4\u{200b}8\u{200b}44\u{200b}88",
            "8968\n648\n4488",
            "8968\u{1b}\u{0}6484488",
            "648-44-88",
            "38%39%36%38%36%34%38%34%34%38%38",
            "88448468698",
        ] {
            let text = format!("unknown variant `{spelling}`, expected `off`");
            assert_eq!(
                presentable(&text, 1024),
                format!("unknown variant `{HIDDEN}`, expected `off`"),
                "{spelling:?}"
            );
        }
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "101 is not a percentage from 0 to 100",
            "there are 5 rows in 3 tables, 12 of 1299 differ",
            "version 0.1.0 of turnout:policy@0.1.0",
            "C:\\policies\\routing, \"quoted\" and 'so'",
            "по-русски, 日本語, é",
        ] {
            assert_eq!(presentable(text, 1024), text);
        }
    }

    #[test]
    fn the_subject_of_a_call_is_hidden_whatever_stands_between_its_digits() {
        let subject = SubjectRule::for_region("RU").unwrap().normalise("89686484488").unwrap();
        for text in [
            "8a9b6c8d6e4f8g4h4i8j8",
            "nine 968, then six 648, then 4488",
            "８х９х６х８х６х４х８х４х４х８х８",
        ] {
            let shown = about(text, 1024, Some(&subject));
            let digits = shown.chars().filter(|char| char.is_numeric()).count();
            assert!(shown.contains(HIDDEN) && digits == 0, "{shown}");
        }
        assert_eq!(about("live", 1024, Some(&subject)), "live");
    }

    #[test]
    fn what_steers_a_screen_is_escaped() {
        assert_eq!(
            presentable("a\u{1b}[31m\0\r\n\tb\u{202e}c\u{7f}\u{9b}\u{2028}", 1024),
            "a\\u{1b}[31m\\0\\r\\n\\tb\\u{202e}c\\u{7f}\\u{9b}\\u{2028}"
        );
    }

    #[test]
    fn a_text_is_cut_between_characters_and_twice_changes_nothing() {
        let shown = presentable(&"é".repeat(9 << 20), 64);
        assert!(shown.len() <= 64 && shown.ends_with("é…"), "{shown}");
        let phones = presentable(&"89686484488 and ".repeat(1 << 16), 64);
        for shown in [shown, phones, presentable("\0\u{202e} 8 968 648 44 88", 64)] {
            assert_eq!(presentable(&shown, 64), shown);
        }
    }
}
