use serde::Deserialize;

/// The one row that a statement answers with. `Debug` shows no value.
pub(crate) struct Answer(Vec<Option<String>>);

/// A column of an answer that is not what it should be. It holds no value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misread {
    column: usize,
    reason: String,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({} columns)", self.0.len())
    }
}

impl std::fmt::Display for Misread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "column {} of the answer {}", self.column, self.reason)
    }
}

/// What the text of a column can be read as.
pub(crate) trait FromText: Sized {
    /// Reads a text that is not null. The error says what it is not, without the text.
    fn from_text(text: String) -> Result<Self, String>;

    /// Reads null.
    fn from_null() -> Result<Self, String> {
        Err("is null".to_owned())
    }
}

impl Answer {
    /// A row of these columns.
    pub(crate) fn new(columns: Vec<Option<String>>) -> Self {
        Self(columns)
    }

    /// The texts of the columns that are not null.
    #[cfg(feature = "scripted")]
    pub(crate) fn into_texts(self) -> Vec<String> {
        self.0.into_iter().flatten().collect()
    }

    /// The text of a column; `None` for null and for one that is missing.
    pub(crate) fn text(&self, column: usize) -> Option<&str> {
        self.0.get(column)?.as_deref()
    }

    /// Takes the text of a column; `None` for null and for one that is missing.
    pub(crate) fn take_text(&mut self, column: usize) -> Option<String> {
        self.0.get_mut(column)?.take()
    }

    /// Takes a column out of the row.
    pub(crate) fn take<T: FromText>(&mut self, column: usize) -> Result<T, Misread> {
        let read = match self.0.get_mut(column) {
            Some(place) => place.take().map_or_else(T::from_null, T::from_text),
            None => Err("is missing".to_owned()),
        };
        read.map_err(|reason| Misread { column, reason })
    }
}

impl FromText for String {
    fn from_text(text: String) -> Result<Self, String> {
        Ok(text)
    }
}

impl<T: FromText> FromText for Option<T> {
    fn from_text(text: String) -> Result<Self, String> {
        T::from_text(text).map(Some)
    }

    fn from_null() -> Result<Self, String> {
        Ok(None)
    }
}

impl FromText for bool {
    fn from_text(text: String) -> Result<Self, String> {
        match text.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("is neither true nor false".to_owned()),
        }
    }
}

impl FromText for i64 {
    fn from_text(text: String) -> Result<Self, String> {
        text.parse().map_err(|_| "is no whole number".to_owned())
    }
}

/// Numbers that PostgreSQL counts with a sign, and that never are negative.
impl FromText for u64 {
    fn from_text(text: String) -> Result<Self, String> {
        i64::from_text(text).map(i64::unsigned_abs)
    }
}

/// A value that the column holds as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: for<'de> Deserialize<'de>> FromText for Json<T> {
    fn from_text(text: String) -> Result<Self, String> {
        // What the error says besides may be personal data.
        let unfit = |error: serde_json::Error| format!("is not what it should be at byte {}", error.column());
        serde_json::from_str(&text).map(Self).map_err(unfit)
    }
}

/// Bytes that the column holds as hex.
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl FromText for Hex {
    fn from_text(text: String) -> Result<Self, String> {
        hex::decode(text).map(Self).map_err(|_| "is no hex".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(columns: &[Option<&str>]) -> Answer {
        Answer::new(columns.iter().map(|column| column.map(Into::into)).collect())
    }

    #[test]
    fn each_column_is_read_by_its_place() {
        let mut answer = answer(&[
            Some("-7"),
            None,
            Some("true"),
            Some(r#"[[1,null],[2,"x"]]"#),
            Some("00ff"),
        ]);
        assert_eq!(answer.take::<i64>(0), Ok(-7));
        assert_eq!(answer.take::<Option<String>>(1), Ok(None));
        assert_eq!(answer.take::<bool>(2), Ok(true));
        let Json(rows) = answer.take::<Json<Vec<(i64, Option<String>)>>>(3).unwrap();
        assert_eq!(rows, [(1, None), (2, Some("x".to_owned()))]);
        assert_eq!(answer.take::<Hex>(4).unwrap().0, [0, 255]);
    }

    #[test]
    fn a_misread_column_is_an_error_without_its_value() {
        let misread = |column, reason: &str| Misread {
            column,
            reason: reason.to_owned(),
        };
        assert_eq!(answer(&[None]).take::<i64>(0), Err(misread(0, "is null")));
        assert_eq!(answer(&[]).take::<String>(0), Err(misread(0, "is missing")));
        assert_eq!(
            answer(&[Some("8968")]).take::<bool>(0),
            Err(misread(0, "is neither true nor false"))
        );
        let Err(unfit) = answer(&[Some(r#"["89686484488"]"#)]).take::<Json<Vec<i64>>>(0) else {
            panic!("a text is no number")
        };
        assert!(!unfit.to_string().contains("8968"), "{unfit}");
    }
}
