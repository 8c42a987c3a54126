/// The one spelling of an email address: without spaces around it, in lower case; `None` if the text is none.
///
/// An address has something before its last `@` and something after it, and neither a space nor a control character inside. Lower
/// case holds for the part before the `@` too: no provider gives two people addresses that differ in it alone, applications and
/// Supabase's own accounts do not tell them apart either, and two spellings of one person must not be two subjects. Dots and what
/// follows a `+` stay: many providers do tell those apart.
pub(super) fn normalise(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let is_address = !local.is_empty()
        && !domain.is_empty()
        && !text
            .chars()
            .any(|character| character.is_whitespace() || character.is_control());
    is_address.then(|| text.to_lowercase())
}
