/// A column, or a value inside one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// The way from the column's value, read as JSON, to the value that is meant; empty for the column itself.
    pub path: Vec<JsonStep>,
}

/// One step into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JsonStep {
    /// Which part of an object or an array is meant.
    pub key: JsonKey,
    /// Whether the part is taken as text, as `->>` does; otherwise it stays JSON.
    pub as_text: bool,
}

/// A part of an object or an array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JsonKey {
    /// The value under this key of an object.
    Name(String),
    /// The element at this place of an array, counted from 0, or from the end where it is negative.
    Index(i64),
}

impl Field {
    /// The column itself; `None` for a value inside it.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        self.path.is_empty().then_some(self.name.as_str())
    }

    /// What the value is called in an answer that gives it no other name: the last key on its way, otherwise the column.
    #[must_use]
    pub fn answer_name(&self) -> &str {
        let last_key = self.path.iter().rev().find_map(|step| match &step.key {
            JsonKey::Name(name) => Some(name.as_str()),
            JsonKey::Index(_) => None,
        });
        last_key.unwrap_or(&self.name)
    }
}

impl<T: Into<String>> From<T> for Field {
    /// A column itself.
    fn from(name: T) -> Self {
        Self {
            name: name.into(),
            path: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(key: JsonKey) -> JsonStep {
        JsonStep { key, as_text: false }
    }

    #[test]
    fn a_value_is_called_by_the_last_key_on_its_way() {
        let mut field = Field::from("data");
        assert_eq!((field.column(), field.answer_name()), (Some("data"), "data"));
        field.path.push(step(JsonKey::Index(0)));
        assert_eq!((field.column(), field.answer_name()), (None, "data"));
        field.path.push(step(JsonKey::Name("city".into())));
        field.path.push(step(JsonKey::Index(-1)));
        assert_eq!(field.answer_name(), "city");
    }
}
