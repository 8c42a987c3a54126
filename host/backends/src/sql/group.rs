//! Aggregates: one row of the answer for all rows that are alike in what is not aggregated.

use turnout_vocabulary::{Column, Selected};

use super::selection::{counts_rows, name, spread, write_cast, write_column, write_value};
use super::{Statement, embed, field};
use crate::error::Error;
use crate::plan::Scope;

/// What the rows of an answer are grouped by, by its places among what is selected. Places, as a parameter is equal to no other.
#[derive(Default)]
pub(super) struct Groups {
    places: Vec<usize>,
    /// Whether there are embedded tables among what is selected.
    embeds: bool,
}

/// Writes what an answer holds of each group of rows.
pub(super) fn write<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    select: &'a [Selected],
    source: &str,
) -> Result<Groups, Error> {
    let mut groups = Groups::default();
    let mut place = 0;
    let mut next = |statement: &mut Statement<'a>| {
        statement.sql(if place > 0 { ", " } else { "" });
        place += 1;
        place
    };
    for selected in select {
        match selected {
            Selected::Every => {
                for column in &scope.table.columns {
                    groups.places.push(next(statement));
                    statement.sql(source).sql(".").identifier(&column.name);
                }
            }
            Selected::Column(column) if column.aggregate.is_some() || counts_rows(scope, column) => {
                next(statement);
                write_aggregate(statement, scope, column, source)?;
            }
            Selected::Column(column) => {
                groups.places.push(next(statement));
                write_column(statement, column, &field::resolve(scope, &column.field)?, source)?;
            }
            Selected::Embed(_) => {}
        }
    }
    for embedded in scope.embeds.iter().filter(|embedded| !embedded.is_hidden()) {
        let alias = &embedded.scope.alias;
        if embedded.embed.spread {
            for (name, aggregate) in spread(&embedded.scope, &embedded.embed.select) {
                let place = next(statement);
                let Some(aggregate) = aggregate else {
                    groups.places.push(place);
                    statement.sql(alias).sql("_spread.").identifier(name);
                    continue;
                };
                write_cast(statement, aggregate.cast.as_deref(), |statement| {
                    statement.sql(aggregate.function.as_str()).sql("(").sql(alias);
                    statement.sql("_spread.").identifier(name).sql(")");
                })?;
                statement.sql(" as ").identifier(name);
            }
        } else {
            groups.embeds = true;
            groups.places.push(next(statement));
            let name = embedded.embed.name();
            statement.sql(alias).sql("_grouped.").identifier(name);
            statement.sql("::jsonb as ").identifier(name);
        }
    }
    Ok(groups)
}

fn write_aggregate<'a>(
    statement: &mut Statement<'a>,
    scope: &Scope<'_, 'a>,
    column: &'a Column,
    source: &str,
) -> Result<(), Error> {
    let Some(aggregate) = column.aggregate.as_ref().filter(|_| column.field.name != "*") else {
        let cast = column
            .aggregate
            .as_ref()
            .and_then(|aggregate| aggregate.cast.as_deref());
        write_cast(statement, cast, |statement| {
            statement.sql("count(*)");
        })?;
        statement.sql(" as ").identifier(name(column));
        return Ok(());
    };
    let resolved = field::resolve(scope, &column.field)?;
    let mut written = Ok(());
    write_cast(statement, aggregate.cast.as_deref(), |statement| {
        statement.sql(aggregate.function.as_str()).sql("(");
        written = write_value(statement, column, &resolved, source);
        statement.sql(")");
    })?;
    statement.sql(" as ").identifier(name(column));
    written
}

impl Groups {
    /// Writes the joins that make one value of each embedded table, by which rows can be grouped.
    pub(super) fn write_joins<'a>(
        &self,
        statement: &mut Statement<'a>,
        scope: &Scope<'_, 'a>,
        source: &str,
    ) -> Result<(), Error> {
        let embeds = scope
            .embeds
            .iter()
            .filter(|embedded| self.embeds && !embedded.is_hidden());
        for embedded in embeds.filter(|embedded| !embedded.embed.spread) {
            statement.sql(" left join lateral (select ");
            embed::write(statement, embedded, source)?;
            statement
                .sql(") as ")
                .sql(&embedded.scope.alias)
                .sql("_grouped on true");
        }
        Ok(())
    }

    /// Writes what the rows are grouped by, if anything is aggregated.
    pub(super) fn write(&self, statement: &mut Statement<'_>) {
        if !self.places.is_empty() {
            statement.sql(" group by ").list(&self.places, |statement, place| {
                statement.sql(&place.to_string());
            });
        }
    }
}
