use super::{Column, Filter, OrderBy, Window};

/// One item of what an answer holds of each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// Every column of the table.
    Every,
    /// One column, or a value inside one.
    Column(Column),
    /// Rows of another table that are related to the row.
    Embed(Embed),
}

impl Selected {
    /// Whether one value is made of many somewhere among these items, also in embedded tables.
    #[must_use]
    pub fn aggregates(select: &[Self]) -> bool {
        select.iter().any(|selected| match selected {
            Self::Every => false,
            Self::Column(column) => column.aggregate.is_some(),
            Self::Embed(embed) => Self::aggregates(&embed.select),
        })
    }

    /// The embedded tables among these items.
    pub fn embeds(select: &[Self]) -> impl Iterator<Item = &Embed> {
        select.iter().filter_map(|selected| match selected {
            Self::Embed(embed) => Some(embed),
            Self::Every | Self::Column(_) => None,
        })
    }
}

/// Rows of another table that are related to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embed {
    /// What the caller names the relationship by: a table, a foreign key, a column of one, or a function.
    pub target: String,
    /// Its name in the answer, where that is another one than the target's.
    pub alias: Option<String>,
    /// What chooses between several relationships: a foreign key, a column of one, or a table between both.
    pub hint: Option<String>,
    /// Whether rows to which no row is related are left out.
    pub inner: bool,
    /// Whether the columns are put among those of the row, instead of into an object or an array of their own.
    pub spread: bool,
    /// What the answer holds of each related row; if nothing, they are only there for filters.
    pub select: Vec<Selected>,
    /// Which of the related rows are meant.
    pub filter: Filter,
    /// Their order.
    pub order: Vec<OrderBy>,
    /// The part of them that is wanted, for each row.
    pub window: Window,
}

impl Embed {
    /// The same without anything in the answer: filters and orders mean the same rows.
    #[must_use]
    pub fn hidden(&self) -> Self {
        Self {
            select: Selected::embeds(&self.select)
                .map(|inside| Selected::Embed(inside.hidden()))
                .collect(),
            ..self.clone()
        }
    }

    /// Its name in the answer, in filters and in orders.
    #[must_use]
    pub fn name(&self) -> &str {
        self.alias.as_ref().unwrap_or(&self.target)
    }
}
