use std::collections::BTreeMap;
use std::time::Duration;

/// What is set for a role by `alter role … set`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RoleSettings {
    /// How long a statement may take. PostgreSQL heeds it only where it was set before the statement.
    pub(crate) statement_timeout: Option<Duration>,
    /// All other settings, with their values.
    pub(crate) others: BTreeMap<String, String>,
}

impl RoleSettings {
    /// Takes a setting in. The isolation of a transaction that has begun can't be set.
    pub(super) fn add(&mut self, name: String, value: String) {
        match name.as_str() {
            "statement_timeout" => self.statement_timeout = duration(&value).filter(|time| !time.is_zero()),
            "default_transaction_isolation" => {}
            _ => _ = self.others.insert(name, value),
        }
    }
}

/// A time as PostgreSQL's settings write it: a number of milliseconds, or one with a unit.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "us" => Some(Duration::from_micros(number)),
        "" | "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "min" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        "d" => Some(Duration::from_secs(number.checked_mul(86400)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_timeout_is_read_and_others_are_kept() {
        let mut settings = RoleSettings::default();
        for (name, value) in [
            ("statement_timeout", "3s"),
            ("default_transaction_isolation", "serializable"),
            ("timezone", "Asia/Tokyo"),
        ] {
            settings.add(name.into(), value.into());
        }
        assert_eq!(settings.statement_timeout, Some(Duration::from_secs(3)));
        assert_eq!(settings.others.keys().collect::<Vec<_>>(), ["timezone"]);
    }

    #[test]
    fn times_are_read_as_postgresql_writes_them() {
        for (text, milliseconds) in [("300", 300), ("300ms", 300), ("2min", 120_000), ("1 h", 3_600_000)] {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!((duration("soon"), duration("-1")), (None, None));
    }
}
