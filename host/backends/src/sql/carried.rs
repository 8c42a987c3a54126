use super::{Parameter, Statement};

/// What a statement carries for its transaction.
#[derive(Clone, Copy, Default)]
pub(crate) struct Carried<'a> {
    /// The epoch that it was decided under, where Turnout is installed to check it.
    pub(crate) epoch: Option<&'a str>,
    /// The time zone that times are read and shown in.
    pub(crate) timezone: Option<&'a str>,
    /// Whether PostgreSQL is to refuse every change.
    pub(crate) read_only: bool,
}

impl<'a> Carried<'a> {
    /// Writes a `where` that sets the epoch, if this one is to be set, and the time zone. A condition on nothing else is looked at before
    /// the statement touches a row.
    pub(super) fn set(self, statement: &mut Statement<'a>, epoch: Option<&'a str>) {
        let read_only = self.read_only.then_some("on");
        let settings = [
            ("turnout.epoch", epoch),
            ("timezone", self.timezone),
            ("transaction_read_only", read_only),
        ];
        let settings = settings.into_iter().filter_map(|(name, value)| Some((name, value?)));
        for (place, (name, value)) in settings.enumerate() {
            statement.sql(if place == 0 {
                " where (select set_config('"
            } else {
                " and (select set_config('"
            });
            statement
                .sql(name)
                .sql("', ")
                .parameter(Parameter::text(value))
                .sql(", true)) is not null");
        }
    }
}
