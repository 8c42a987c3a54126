//! Which relationship an embedded table is found by.

use turnout_vocabulary::Embed;

use super::suggestion;
use crate::error::{Candidate, Error, UnknownRelationship};
use crate::schema::{ForeignKey, Join, Relationship, Schema, Table};

/// The relationship of the table at a place that the embed names: with a table of its own schema if there is one, else with one of another
/// exposed schema.
pub(super) fn relationship<'s>(schema: &'s Schema, place: usize, embed: &Embed) -> Result<&'s Relationship, Error> {
    let origin = &schema.tables()[place];
    let related = || {
        let relationships = schema.relationships(place).iter();
        relationships.filter(|other| schema.tables()[other.target].schema == origin.schema)
    };
    let mut named: Vec<_> = related()
        .filter(|other| is_named(schema, place, other, embed))
        .collect();
    if named.is_empty() {
        let relationships = schema.relationships(place).iter();
        named = relationships
            .filter(|other| is_named(schema, place, other, embed))
            .collect();
    }
    match named[..] {
        [only] => Ok(only),
        [] => {
            let mut targets = related()
                .map(|other| schema.tables()[other.target].name.as_str())
                .peekable();
            // A table without relationships may have been mistaken for one that has some.
            let suggestion = match targets.peek() {
                Some(_) => suggestion::among(targets, &embed.target).map(|meant| (meant, &embed.target)),
                None => suggestion::among(with_relationships(schema, &origin.schema), &origin.name)
                    .map(|meant| (meant, &origin.name)),
            };
            Err(Error::UnknownRelationship(Box::new(UnknownRelationship {
                origin: origin.name.clone(),
                target: embed.target.clone(),
                hint: embed.hint.clone(),
                schema: origin.schema.clone(),
                suggestion: suggestion.map(|(meant, written)| (meant.to_owned(), written.clone())),
            })))
        }
        _ => Err(Error::AmbiguousRelationship {
            origin: origin.name.clone(),
            target: embed.target.clone(),
            candidates: named.iter().map(|other| candidate(schema, origin, other)).collect(),
        }),
    }
}

fn with_relationships<'s>(schema: &'s Schema, name: &str) -> impl Iterator<Item = &'s str> {
    let tables = schema.tables().iter().enumerate();
    let found = tables.filter(move |(place, table)| table.schema == name && !schema.relationships(*place).is_empty());
    found.map(|(_, table)| table.name.as_str())
}

/// Whether an embed may mean a relationship.
fn is_named(schema: &Schema, place: usize, relationship: &Relationship, embed: &Embed) -> bool {
    let target = &schema.tables()[relationship.target];
    let name = embed.target.as_str();
    let is_target = name == target.name;
    let hint = embed.hint.as_deref();
    match &relationship.join {
        Join::Computed(computed) => name == computed.name,
        // A key of a table to itself relates it twice: its name stands for the many, the column for the one.
        Join::OneToMany(key) if relationship.target == place => {
            is_target && hint.is_none_or(|hint| only(key).is_some_and(|(_, other)| hint == other))
        }
        Join::ManyToOne(key) if relationship.target == place => {
            hint.is_none() && only(key).is_some_and(|(this, _)| name == this)
        }
        _ if relationship.target == place => false,
        Join::OneToMany(key) | Join::ManyToOne(key) | Join::OneToOne(key) => {
            if let Some(hint) = hint {
                let by_column = only(key).is_some_and(|(this, other)| hint == this || hint == other);
                is_target && (hint == key.constraint || by_column)
            } else {
                let by_key = name == key.constraint || only(key).is_some_and(|(this, _)| name == this);
                is_target || by_key && !target.is_view()
            }
        }
        Join::ManyToMany(junction) => is_target && hint.is_none_or(|hint| hint == junction.name),
    }
}

/// The columns of a key that has one.
fn only(key: &ForeignKey) -> Option<(&str, &str)> {
    match &key.columns[..] {
        [(this, other)] => Some((this, other)),
        _ => None,
    }
}

fn candidate(schema: &Schema, origin: &Table, relationship: &Relationship) -> Candidate {
    let target = &schema.tables()[relationship.target].name;
    let list = |columns: Vec<&str>| format!("({})", columns.join(", "));
    let this = |key: &ForeignKey| list(key.columns.iter().map(|(this, _)| &**this).collect());
    let other = |key: &ForeignKey| list(key.columns.iter().map(|(_, other)| &**other).collect());
    let by_key = |key: &ForeignKey| {
        let (constraint, origin) = (&key.constraint, &origin.name);
        format!("{constraint} using {origin}{} and {target}{}", this(key), other(key))
    };
    let (cardinality, relationship, hint) = match &relationship.join {
        Join::OneToMany(key) => ("one-to-many", by_key(key), &key.constraint),
        Join::ManyToOne(key) => ("many-to-one", by_key(key), &key.constraint),
        Join::OneToOne(key) => ("one-to-one", by_key(key), &key.constraint),
        Join::ManyToMany(junction) => (
            "many-to-many",
            format!(
                "{} using {}{} and {}{}",
                junction.name,
                junction.source.constraint,
                other(&junction.source),
                junction.target.constraint,
                other(&junction.target)
            ),
            &junction.name,
        ),
        Join::Computed(computed) => ("computed", computed.name.clone(), &computed.name),
    };
    Candidate {
        cardinality,
        embedding: format!("{} with {target}", origin.name),
        relationship,
        choice: format!("{target}!{hint}"),
    }
}
