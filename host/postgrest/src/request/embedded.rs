//! Parameters of embedded tables: `bookings.staff.order=name` is the order of the rows of `staff` inside those of `bookings`.

use turnout_vocabulary::{Embed, Selected};

use super::cursor::Cursor;
use crate::error::Refusal;

/// The last word of a parameter's name, which says what it is, such as `order`.
pub(super) fn kind(key: &str) -> &str {
    key.rsplit_once('.').map_or(key, |(_, kind)| kind)
}

/// The names before each dot of a parameter's name, and what is left.
pub(super) fn path(key: &str) -> Result<(Vec<String>, Cursor<'_>), Refusal> {
    let mut cursor = Cursor::new(key);
    let mut path = Vec::new();
    loop {
        let mut ahead = cursor.clone();
        let name = ahead.name().map_err(|fault| fault.refuse("tree path", key, 0))?;
        if !ahead.eat(".") {
            return Ok((path, cursor));
        }
        path.push(name);
        cursor = ahead;
    }
}

/// The embedded table that this path leads to; `None` for the table itself.
pub(super) fn at<'s>(mut select: &'s mut [Selected], path: &[String]) -> Result<Option<&'s mut Embed>, Refusal> {
    let Some((last, way)) = path.split_last() else {
        return Ok(None);
    };
    for name in way {
        select = &mut named(select, name)?.select;
    }
    named(select, last).map(Some)
}

fn named<'s>(select: &'s mut [Selected], name: &str) -> Result<&'s mut Embed, Refusal> {
    let mut embeds = select.iter_mut().filter_map(|selected| match selected {
        Selected::Embed(embed) => Some(embed),
        Selected::Every | Selected::Column(_) => None,
    });
    embeds
        .find(|embed| embed.target == name || embed.alias.as_deref() == Some(name))
        .ok_or_else(|| Refusal::not_embedded(name))
}
