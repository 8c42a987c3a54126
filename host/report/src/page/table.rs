use super::escaped::escaped;

/// A table, or the words that stand in its place.
pub(super) struct Table {
    empty: &'static str,
    head: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows, and what is said as long as it has none.
    pub(super) fn new(empty: &'static str, head: &'static [&'static str]) -> Self {
        Self {
            empty,
            head,
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn html(&self) -> String {
        if self.rows.is_empty() {
            return format!("<p class=\"empty\">{}</p>\n", escaped(self.empty));
        }
        let cells = |element: &str, texts: &[&str]| {
            let cells = texts
                .iter()
                .map(|text| ["<", element, ">", &escaped(text), "</", element, ">"].concat());
            cells.collect::<Vec<_>>().concat()
        };
        let head = cells("th", self.head);
        let rows = self.rows.iter().map(|row| {
            let row: Vec<&str> = row.iter().map(String::as_str).collect();
            ["<tr>", &cells("td", &row), "</tr>\n"].concat()
        });
        let rows: String = rows.collect();
        format!(
            "<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
        )
    }
}
