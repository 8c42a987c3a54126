//! The header `Content-Range`, and the status that follows from it.

use http::StatusCode;

/// The status and `Content-Range` of a read that returns `rows` rows from `offset` on, if `total` rows match.
pub(super) fn of_found(offset: u32, rows: u64, total: Option<u64>) -> (StatusCode, String) {
    let offset = u64::from(offset);
    let status = match total {
        Some(total) if offset > total => StatusCode::RANGE_NOT_SATISFIABLE,
        Some(total) if rows < total => StatusCode::PARTIAL_CONTENT,
        _ => StatusCode::OK,
    };
    (status, content_range(offset, rows, total))
}

/// The `Content-Range` of an update of `rows` rows.
pub(super) fn of_changed(rows: u64, total: Option<u64>) -> String {
    content_range(0, rows, total)
}

/// The `Content-Range` of an insert or a delete, which has no range.
pub(super) fn of_written(total: Option<u64>) -> String {
    content_range(0, 0, total)
}

fn content_range(first: u64, rows: u64, total: Option<u64>) -> String {
    let range = match rows.checked_sub(1) {
        None => "*".to_owned(),
        Some(more) => format!("{first}-{}", first.saturating_add(more)),
    };
    let total = total.map_or("*".to_owned(), |total| total.to_string());
    format!("{range}/{total}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_says_which_rows_of_how_many() {
        for (offset, rows, total, status, range) in [
            (0, 15, None, 200, "0-14/*"),
            (2, 3, None, 200, "2-4/*"),
            (0, 0, None, 200, "*/*"),
            (0, 0, Some(0), 200, "*/0"),
            (0, 15, Some(15), 200, "0-14/15"),
            (3, 2, Some(15), 206, "3-4/15"),
            (0, 0, Some(15), 206, "*/15"),
            (15, 0, Some(15), 206, "*/15"),
            (1, 0, Some(0), 416, "*/0"),
            (100, 0, Some(15), 416, "*/15"),
        ] {
            assert_eq!(
                of_found(offset, rows, total),
                (StatusCode::from_u16(status).unwrap(), range.to_owned())
            );
        }
        assert_eq!(of_changed(2, None), "0-1/*");
        assert_eq!(of_changed(0, None), "*/*");
        assert_eq!(of_written(Some(2)), "*/2");
    }
}
