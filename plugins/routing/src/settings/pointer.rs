use serde_path_to_error::{Path, Segment};

/// A path as a JSON Pointer (RFC 6901).
pub(super) fn of(path: &Path) -> String {
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => format!("{pointer}/{}", escape(key)),
        // An enum here is a text; what is unknown has no name.
        Segment::Enum { .. } | Segment::Unknown => pointer,
    })
}

/// A key as a part of a JSON Pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
