//! Makes the texts of a policy fit for logs, metrics, alerts, statuses and screens.
//!
//! Whatever a module says passes [`presentable`]: log messages, reasons of `configure`, names of imports and exports, what the
//! engine repeats of a trap, the module's own name and version.

mod emails;
mod named;
mod phones;
mod uuids;

use std::fmt::Write as _;
use std::ops::Range;

use turnout_vocabulary::Subject;

/// How much of a text is searched for subjects, as a multiple of the bytes that are kept.
const LOOKED_AT: usize = 4;

/// The longest reason, in bytes.
pub(crate) const REASON_BYTES: usize = 1024;

/// A text without what may be a subject, on one line, without control characters, and of `bytes` bytes at most.
///
/// A phone is seven digits or more, of any script, with up to four separators between two of them; an email address has an `@`
/// between a name and a domain; a UUID has 32 hexadecimal digits. A text that is a subject can't be told from other texts. Doing it
/// twice changes nothing more.
#[must_use]
pub fn presentable(text: &str, bytes: usize) -> String {
    about(text, bytes, None)
}

/// The same while a policy answers a question about a subject, which is hidden too: the digits of a phone whatever stands between
/// them, any other in letters of either case.
pub(crate) fn about(text: &str, bytes: usize, subject: Option<&Subject>) -> String {
    let whole = text.len() <= bytes.saturating_mul(LOOKED_AT);
    let text = &text[..text.floor_char_boundary(bytes.saturating_mul(LOOKED_AT))];
    let mut shown = String::with_capacity(text.len().min(bytes));
    let mut end = 0;
    for (hidden, label) in hidden(text, subject) {
        escape(&text[end..hidden.start], &mut shown);
        shown.push_str(label);
        end = hidden.end;
    }
    escape(&text[end..], &mut shown);
    if shown.len() > bytes || !whole {
        shown.truncate(shown.floor_char_boundary(bytes.saturating_sub('…'.len_utf8())));
        shown.push('…');
    }
    shown
}

/// The parts of a text that may be subjects, each with what stands in its place, in order, none within another.
fn hidden(text: &str, subject: Option<&Subject>) -> Vec<(Range<usize>, &'static str)> {
    let subject = subject.map(Subject::as_str);
    let (phone, other) = (
        subject.filter(|subject| subject.starts_with('+')),
        subject.filter(|subject| !subject.starts_with('+')),
    );
    let mut found = Vec::new();
    let mut label = |ranges: Vec<Range<usize>>, label| found.extend(ranges.into_iter().map(|range| (range, label)));
    label(named::ranges(text, other), "[subject hidden]");
    label(uuids::ranges(text), "[uuid hidden]");
    label(emails::ranges(text), "[email hidden]");
    label(phones::ranges(text, phone), "[number hidden]");
    found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut apart: Vec<(Range<usize>, &str)> = Vec::with_capacity(found.len());
    for (next, label) in found {
        match apart.last_mut() {
            Some((last, _)) if next.start < last.end => last.end = last.end.max(next.end),
            _ => apart.push((next, label)),
        }
    }
    apart
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
    use turnout_vocabulary::{SubjectKind, SubjectRule};

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
                "unknown variant `[number hidden]`, expected `off`",
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
            "wasi:io/error@0.2.0-rc.one and @since(version = 0.1.0)",
            "module 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
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
            assert!(shown.contains("[number hidden]") && digits == 0, "{shown}");
        }
        assert_eq!(about("live", 1024, Some(&subject)), "live");
    }

    #[test]
    fn email_addresses_and_uuids_are_hidden() {
        for (text, shown) in [
            (
                "unknown variant `Anna.S+x@Example.com`",
                "unknown variant `[email hidden]`",
            ),
            ("<анна@пример.рф>, b@c.de.", "<[email hidden]>, [email hidden]."),
            ("a0eebc99-9C0B-4ef8-bb6d-6bb9bd380a11!", "[uuid hidden]!"),
            ("{a0eebc999c0b4ef8bb6d6bb9bd380a11}", "{[uuid hidden]}"),
        ] {
            assert_eq!(presentable(text, 1024), shown);
            assert_eq!(presentable(shown, 1024), shown, "twice changes nothing");
        }
    }

    #[test]
    fn the_subject_of_a_call_is_hidden_in_letters_of_either_case() {
        let texts = SubjectRule::of_kind(SubjectKind::Text, "RU").unwrap();
        for (subject, text, shown) in [
            (
                "Client 7",
                "that is client 7, not client 8",
                "that is [subject hidden], not client 8",
            ),
            ("Анна", "xАННАx", "x[subject hidden]x"),
            ("a", "a cat", "[subject hidden] cat"),
            ("live", "stage off", "stage off"),
        ] {
            let subject = texts.normalise(subject).unwrap();
            assert_eq!(about(text, 1024, Some(&subject)), shown);
        }
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
