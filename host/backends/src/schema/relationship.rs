/// How the rows of one table are related to those of another. In the order of the fields relationships are listed to callers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relationship {
    /// The table whose rows are related to this one's, by its place in the schema.
    pub target: usize,
    /// How they are found.
    pub join: Join,
}

/// How related rows are found. The order of the variants is that in which candidates are listed to callers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Join {
    /// A foreign key of the target refers to this table: any number of rows are related.
    OneToMany(ForeignKey),
    /// A foreign key of this table refers to the target: one row is related at most.
    ManyToOne(ForeignKey),
    /// A foreign key of either whose columns are unique: one row is related at most.
    OneToOne(ForeignKey),
    /// A table between has foreign keys to both: any number of rows are related.
    ManyToMany(Junction),
    /// A function answers with the related rows.
    Computed(Computed),
}

/// A foreign key, seen from one of its sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    /// The name of the constraint.
    pub constraint: String,
    /// Each column of this side with the column of the other side that is equal to it.
    pub columns: Vec<(String, String)>,
}

/// A table that relates the rows of two others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Junction {
    /// Its name.
    pub name: String,
    /// The table, by its place in the schema.
    pub table: usize,
    /// Its foreign key to this table; columns of this table come first.
    pub source: ForeignKey,
    /// Its foreign key to the target; columns of the target come first.
    pub target: ForeignKey,
}

/// A function that answers with related rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Computed {
    /// The function's name.
    pub name: String,
    /// The function, by its place in the schema.
    pub function: usize,
    /// Whether it answers with one row at most.
    pub one_row: bool,
}

impl Relationship {
    /// Whether one row is related at most.
    #[must_use]
    pub fn is_to_one(&self) -> bool {
        match &self.join {
            Join::ManyToOne(_) | Join::OneToOne(_) => true,
            Join::OneToMany(_) | Join::ManyToMany(_) => false,
            Join::Computed(computed) => computed.one_row,
        }
    }
}

impl ForeignKey {
    /// The same seen from the other side.
    pub(super) fn reversed(&self) -> Self {
        let columns = self.columns.iter().cloned();
        Self {
            constraint: self.constraint.clone(),
            columns: columns.map(|(this, other)| (other, this)).collect(),
        }
    }
}
