//! Columns, the values inside them, and what functions compute of rows.

use turnout_vocabulary::{Field, JsonKey, JsonStep};

use super::{Parameter, Statement};
use crate::error::Error;
use crate::plan::{Named, Scope};
use crate::schema::Table;

/// What a field of a table stands for.
pub(super) struct Resolved<'s, 'a> {
    table: &'s Table,
    /// What the table's rows are called inside the statement.
    alias: &'s str,
    named: Named<'s>,
    path: &'a [JsonStep],
}

/// Looks a field up in its table.
pub(super) fn resolve<'s, 'a>(scope: &'s Scope<'_, '_>, field: &'a Field) -> Result<Resolved<'s, 'a>, Error> {
    Ok(Resolved {
        table: scope.table,
        alias: &scope.alias,
        named: scope.named(field)?,
        path: &field.path,
    })
}

impl<'a> Resolved<'_, 'a> {
    /// Whether it is a column itself.
    pub(super) fn is_column(&self) -> bool {
        self.path.is_empty() && matches!(self.named, Named::Column(_))
    }

    /// Writes the value as `source` has it. Values that are not JSON are made JSON before a step goes into them.
    pub(super) fn write(&self, statement: &mut Statement<'a>, source: &str) {
        if self.path.is_empty() {
            self.write_named(statement, source);
            return;
        }
        if self.json_type().is_some() {
            statement.sql("(");
            self.write_named(statement, source);
        } else {
            statement.sql("(to_jsonb(");
            self.write_named(statement, source);
            statement.sql(")");
        }
        for JsonStep { key, as_text } in self.path {
            statement.sql(if *as_text { "->>" } else { "->" });
            match key {
                JsonKey::Name(name) => statement.parameter(Parameter::text(name)).sql("::text"),
                JsonKey::Index(place) => statement.parameter(Parameter::number(*place)).sql("::int4"),
            };
        }
        statement.sql(")");
    }

    fn write_named(&self, statement: &mut Statement<'a>, source: &str) {
        match self.named {
            Named::Column(column) => statement.sql(source).sql(".").identifier(&column.name),
            Named::Computed(function) => statement.sql(&function.qualified).sql("(").sql(source).sql(")"),
        };
    }

    /// Writes the type that it is compared in.
    pub(super) fn write_type(&self, statement: &mut Statement<'_>) {
        match (self.path.last(), self.named) {
            (None, Named::Column(column)) => statement.compared_type_of(self.alias, self.table, column),
            (None, Named::Computed(function)) => statement.sql(&function.result.type_name),
            (Some(JsonStep { as_text: true, .. }), _) => statement.sql("text"),
            (Some(_), _) => statement.sql(self.json_type().unwrap_or("jsonb")),
        };
    }

    /// Whether the value is prepared for text searches.
    pub(super) fn is_searchable(&self) -> bool {
        self.path.is_empty() && self.type_name() == "tsvector"
    }

    /// Its type, if it holds JSON.
    fn json_type(&self) -> Option<&str> {
        Some(self.type_name()).filter(|name| matches!(*name, "json" | "jsonb"))
    }

    /// The type of the whole column, or of what is computed.
    fn type_name(&self) -> &str {
        match self.named {
            Named::Column(column) => &column.compared_type,
            Named::Computed(function) => &function.result.type_name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::clients;
    use super::*;

    fn written(column: &str, path: &[(&str, bool)]) -> (String, usize) {
        let step = |&(key, as_text): &(&str, bool)| JsonStep {
            key: key.parse().map_or(JsonKey::Name(key.into()), JsonKey::Index),
            as_text,
        };
        let field = Field {
            name: column.into(),
            path: path.iter().map(step).collect(),
        };
        let table = clients();
        let mut statement = Statement::default();
        let scope = Scope::of(&table);
        let resolved = resolve(&scope, &field).unwrap();
        resolved.write(&mut statement, "t");
        statement.sql(" = $::");
        resolved.write_type(&mut statement);
        (statement.text, statement.parameters.len())
    }

    #[test]
    fn every_key_of_a_path_is_a_parameter() {
        assert_eq!(written("phone", &[]), (r#"t."phone" = $::text"#.into(), 0));
        assert_eq!(
            written("data", &[("a'b", false), ("-1", true)]),
            (r#"(t."data"->$1::text->>$2::int4) = $::text"#.into(), 2)
        );
        assert_eq!(
            written("data", &[("a", false)]),
            (r#"(t."data"->$1::text) = $::jsonb"#.into(), 1)
        );
    }

    #[test]
    fn a_path_makes_json_of_what_is_none() {
        assert_eq!(
            written("tags", &[("0", false)]),
            (r#"(to_jsonb(t."tags")->$1::int4) = $::jsonb"#.into(), 1)
        );
    }
}
