//! Between request and SQL: looks the names of a request up in the schema. Afterwards `sql` only writes.
//!
//! A [`Scope`] is a table whose names can be used at some place of a request, with the tables that are embedded there. Relationships are
//! chosen as PostgREST chooses them, and refused in its words.

mod chosen;
mod function;
mod suggestion;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(crate) use function::{Given, called};
pub use suggestion::suggested_table;

use turnout_vocabulary::{Embed, Field, Request, Selected};

use crate::error::{ColumnUse, Error};
use crate::schema::{Function, Join, Reference, Schema, Table, TableColumn};

/// What the target's rows are called inside a statement.
pub(crate) const TARGET: &str = "_turnout";

/// A table at some place of a request.
pub(crate) struct Scope<'s, 'a> {
    pub(crate) table: &'s Table,
    /// What its rows are called inside the statement.
    pub(crate) alias: Cow<'static, str>,
    /// The tables that are embedded there, in the order of the request.
    pub(crate) embeds: Vec<Embedded<'s, 'a>>,
    /// The schema and the table's place there, where its functions may be used.
    functions: Option<(&'s Schema, usize)>,
    /// What callers know its rows by.
    shown: Cow<'s, str>,
}

/// A table that is embedded in another.
pub(crate) struct Embedded<'s, 'a> {
    pub(crate) embed: &'a Embed,
    /// How its rows are found.
    pub(crate) link: Link<'s>,
    /// Whether there is one row at most.
    pub(crate) is_to_one: bool,
    pub(crate) scope: Scope<'s, 'a>,
}

/// How rows of an embedded table are found.
pub(crate) enum Link<'s> {
    /// By columns, each of the row with an equal one of the embedded table.
    Columns(&'s [(String, String)]),
    /// By a table between both.
    Junction {
        table: &'s Table,
        /// Each column of the row with an equal one of the table between.
        source: &'s [(String, String)],
        /// Each column of the embedded table with an equal one of the table between.
        target: &'s [(String, String)],
    },
    /// By a function that is given the row.
    Function(&'s Function),
}

/// What a name stands for.
#[derive(Clone, Copy)]
pub(crate) enum Named<'s> {
    /// A column.
    Column(&'s TableColumn),
    /// What a function computes of the row.
    Computed(&'s Function),
}

impl<'s, 'a> Scope<'s, 'a> {
    /// The table at a place of the schema, without the tables that a request embeds in it.
    pub(crate) fn plain(schema: &'s Schema, place: usize) -> Self {
        Self {
            functions: Some((schema, place)),
            ..Self::of(&schema.tables()[place])
        }
    }

    /// The target of a request, with the tables that it embeds.
    pub(crate) fn target(schema: &'s Schema, place: usize, request: &'a Request) -> Result<Self, Error> {
        let mut scope = Self::plain(schema, place);
        let mut embeds = 0;
        scope.embed(schema, place, request.select(), 1, &mut embeds)?;
        Ok(scope)
    }

    /// The same table without those that are embedded there.
    pub(crate) fn alone(&self) -> Self {
        Self {
            table: self.table,
            alias: self.alias.clone(),
            embeds: Vec::new(),
            functions: self.functions,
            shown: self.shown.clone(),
        }
    }

    /// A table of which nothing but its columns is known.
    pub(crate) fn of(table: &'s Table) -> Self {
        Self {
            table,
            alias: Cow::Borrowed(TARGET),
            embeds: Vec::new(),
            functions: None,
            shown: Cow::Borrowed(&table.name),
        }
    }

    fn embed(
        &mut self,
        schema: &'s Schema,
        place: usize,
        select: &'a [Selected],
        depth: usize,
        count: &mut usize,
    ) -> Result<(), Error> {
        for embed in Selected::embeds(select) {
            let relationship = chosen::relationship(schema, place, embed)?;
            let is_twin = |other: &Embedded<'_, '_>| !other.embed.spread && other.embed.name() == embed.name();
            if !embed.spread && self.embeds.iter().any(is_twin) {
                return Err(Error::EmbeddedTwice {
                    alias: format!("{}_{}_{depth}", self.table.name, embed.name()),
                });
            }
            if embed.spread && !relationship.is_to_one() && Selected::aggregates(&embed.select) {
                return Err(Error::AggregateOfMany {
                    target: embed.target.clone(),
                });
            }
            let mut scope = Self::plain(schema, relationship.target);
            *count += 1;
            scope.alias = Cow::Owned(format!("{TARGET}_{count}"));
            let link = match &relationship.join {
                Join::OneToMany(key) | Join::ManyToOne(key) | Join::OneToOne(key) => Link::Columns(&key.columns),
                Join::ManyToMany(junction) => Link::Junction {
                    table: &schema.tables()[junction.table],
                    source: &junction.source.columns,
                    target: &junction.target.columns,
                },
                Join::Computed(computed) => Link::Function(&schema.functions()[computed.function]),
            };
            if !matches!(link, Link::Junction { .. }) {
                scope.shown = Cow::Owned(format!("{}_{depth}", scope.table.name));
            }
            scope.embed(schema, relationship.target, &embed.select, depth + 1, count)?;
            self.embeds.push(Embedded {
                embed,
                link,
                is_to_one: relationship.is_to_one(),
                scope,
            });
        }
        Ok(())
    }

    /// The tables whose rows are read beside those of this one: those that are embedded, those between them, and those that the views among
    /// them are made of.
    pub(crate) fn read_beside(&self) -> Vec<Reference> {
        let mut tables = self.table.parts.clone();
        self.collect_embedded(&mut tables);
        tables.sort_unstable();
        tables.dedup();
        tables.retain(|other| other.table != self.table.name || other.schema != self.table.schema);
        tables
    }

    fn collect_embedded(&self, tables: &mut Vec<Reference>) {
        for Embedded { link, scope, .. } in &self.embeds {
            let between = match link {
                Link::Junction { table, .. } => Some(*table),
                Link::Columns(_) | Link::Function(_) => None,
            };
            for table in between.into_iter().chain([scope.table]) {
                tables.extend_from_slice(&table.parts);
                if !table.is_view() {
                    tables.push(Reference {
                        schema: table.schema.clone(),
                        table: table.name.clone(),
                    });
                }
            }
            scope.collect_embedded(tables);
        }
    }

    /// What a field's name stands for.
    pub(crate) fn named(&self, field: &Field) -> Result<Named<'s>, Error> {
        if let Some(column) = self.table.columns.iter().find(|column| column.name == field.name) {
            return Ok(Named::Column(column));
        }
        self.computed(&field.name)
            .map(Named::Computed)
            .ok_or_else(|| Error::UnknownColumn {
                table: self.shown.clone().into_owned(),
                column: field.name.clone(),
                usage: ColumnUse::Read,
            })
    }

    /// The function of that name that computes one value of a row.
    fn computed(&self, name: &str) -> Option<&'s Function> {
        let (schema, place) = self.functions?;
        let mut functions = schema.functions().iter();
        functions.find(|function| {
            function.name == name
                && function.computes_of() == Some(place)
                && !function.result.set
                && function.rows_of().is_none()
        })
    }

    /// The embedded table of that name.
    pub(crate) fn embedded(&self, name: &str) -> Option<&Embedded<'s, 'a>> {
        self.embeds.iter().find(|embedded| embedded.embed.name() == name)
    }

    /// The embedded table by whose column an order of that name is.
    pub(crate) fn ordering(&self, name: &str) -> Result<&Embedded<'s, 'a>, Error> {
        match self.embedded(name) {
            None => Err(Error::NotEmbedded { name: name.to_owned() }),
            Some(embedded) if !embedded.is_to_one => Err(Error::OrderByMany {
                origin: self.table.name.clone(),
                target: name.to_owned(),
            }),
            Some(embedded) => Ok(embedded),
        }
    }
}

impl Embedded<'_, '_> {
    /// Whether nothing of it is in the answer, so that it is only there for filters.
    pub(crate) fn is_hidden(&self) -> bool {
        let inside = &self.scope.embeds;
        self.embed.select.len() == inside.len() && inside.iter().all(Self::is_hidden)
    }
}
