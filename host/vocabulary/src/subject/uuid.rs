/// The lower-case hyphenated spelling of a UUID; `None` if the text is none.
///
/// All spellings that PostgreSQL reads are read: digits of either case, braces around them, and hyphens left out, or put after any
/// four digits. Spaces around them are read too: a column of type `char` has them.
pub(super) fn normalise(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => text,
    };
    let mut digits = String::with_capacity(32);
    for character in bare.chars() {
        match character {
            '-' if digits.len().is_multiple_of(4) && !digits.is_empty() => {}
            _ if character.is_ascii_hexdigit() => digits.push(character.to_ascii_lowercase()),
            _ => return None,
        }
    }
    let is_whole = digits.len() == 32 && !bare.ends_with('-') && !bare.contains("--");
    is_whole.then(|| {
        let parts = [
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..],
        ];
        parts.join("-")
    })
}
