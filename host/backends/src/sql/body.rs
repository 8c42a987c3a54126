//! The body of an answer, made of rows.

use turnout_vocabulary::BodyForm;

use super::Statement;

/// Writes the body of one row that is called `_turnout_row`.
pub(super) fn write_one(statement: &mut Statement<'_>, form: BodyForm) {
    statement.sql(match form {
        BodyForm::JsonWithoutNulls => "json_strip_nulls(row_to_json(_turnout_row))::text",
        BodyForm::Json | BodyForm::Csv | BodyForm::GeoJson => "row_to_json(_turnout_row)::text",
    });
}

/// Writes the body of all rows that are called `_turnout_row`. Those of [`BodyForm::Csv`] must also stand in a `with` as
/// `_turnout_rows`.
pub(super) fn write_all(statement: &mut Statement<'_>, form: BodyForm) {
    statement.sql(match form {
        BodyForm::Json => "coalesce(json_agg(_turnout_row), '[]')::text",
        BodyForm::JsonWithoutNulls => "coalesce(json_strip_nulls(json_agg(_turnout_row)), '[]')::text",
        BodyForm::Csv => {
            "coalesce((select string_agg(_turnout_name, ',') from (select json_object_keys(_turnout_first) as _turnout_name \
             from (select row_to_json(_turnout_row) as _turnout_first from _turnout_rows as _turnout_row limit 1) \
             as _turnout_firsts) as _turnout_names), '') || e'\\n' || \
             coalesce(string_agg(substring(_turnout_row::text, 2, length(_turnout_row::text) - 2), e'\\n'), '')"
        }
        BodyForm::GeoJson => {
            "json_build_object('type', 'FeatureCollection', 'features', \
             coalesce(json_agg(st_asgeojson(_turnout_row)::json), '[]'))::text"
        }
    });
}
