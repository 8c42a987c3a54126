//! Columns and the values inside them.

use turnout_vocabulary::{Field, JsonKey, JsonStep};

use super::{Parameter, Statement};
use crate::error::{ColumnUse, Error};
use crate::schema::{Table, TableColumn};

/// What a field of a table stands for.
pub(super) struct Resolved<'t, 'a> {
    column: &'t TableColumn,
    path: &'a [JsonStep],
}

/// Looks a field up in its table.
pub(super) fn resolve<'t, 'a>(table: &'t Table, field: &'a Field) -> Result<Resolved<'t, 'a>, Error> {
    Ok(Resolved {
        column: table.column(&field.name, ColumnUse::Read)?,
        path: &field.path,
    })
}

impl<'a> Resolved<'_, 'a> {
    /// Writes the value as `source` has it. Values that are not JSON are made JSON before a step goes into them.
    pub(super) fn write(&self, statement: &mut Statement<'a>, source: &str) {
        if self.path.is_empty() {
            statement.sql(source).sql(".").identifier(&self.column.name);
            return;
        }
        statement.sql("(");
        if self.json_type().is_some() {
            statement.sql(source).sql(".").identifier(&self.column.name);
        } else {
            statement.sql("to_jsonb(").sql(source).sql(".");
            statement.identifier(&self.column.name).sql(")");
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

    /// Writes the type that it is compared in.
    pub(super) fn write_type(&self, statement: &mut Statement<'_>) {
        match self.path.last() {
            None => statement.compared_type_of(self.column),
            Some(JsonStep { as_text: true, .. }) => statement.sql("text"),
            Some(_) => statement.sql(self.json_type().unwrap_or("jsonb")),
        };
    }

    /// Whether the value is prepared for text searches.
    pub(super) fn is_searchable(&self) -> bool {
        self.path.is_empty() && self.column.compared_type == "tsvector"
    }

    /// The column's type, if it holds JSON.
    fn json_type(&self) -> Option<&str> {
        Some(self.column.compared_type.as_str()).filter(|name| matches!(*name, "json" | "jsonb"))
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
        let resolved = resolve(&table, &field).unwrap();
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
