const MICROSECONDS: i128 = 1_000_000;

/// How many microseconds lie between two timestamps as PostgreSQL writes them in ISO 8601. `None` if a text is no such timestamp (it is
/// infinite, or before Christ), or only one of them has a time zone.
pub(super) fn distance(one: &str, other: &str) -> Option<u128> {
    let (one, other) = (Timestamp::parse(one)?, Timestamp::parse(other)?);
    (one.has_zone == other.has_zone).then(|| one.microseconds.abs_diff(other.microseconds))
}

/// A moment, or a time of no zone as if its zone were UTC.
struct Timestamp {
    /// Since 1970. The years of PostgreSQL go beyond 64 bits of these.
    microseconds: i128,
    has_zone: bool,
}

impl Timestamp {
    /// Reads `2026-01-02 03:04:05.123456+05:30`, with a space or `T` in the middle.
    fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once([' ', 'T'])?;
        let (clock, zone) = match rest.find(['+', '-', 'Z']) {
            Some(at) => (&rest[..at], Some(&rest[at..])),
            None => (rest, None),
        };
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let mut date = date.split('-').map(number);
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && date.next().is_none();
        if !is_date || clock.split(':').count() != 3 || fraction.len() > 6 {
            return None;
        }
        let fraction = number(fraction)? * 10_i64.pow(6 - u32::try_from(fraction.len()).ok()?);
        let offset = match zone {
            None | Some("Z") => 0,
            Some(zone) => {
                let sign = if zone.starts_with('-') { -1 } else { 1 };
                sign * seconds(&zone[1..])?
            }
        };
        let seconds = days(year, month, day) * 86_400 + seconds(clock)? - offset;
        Some(Self {
            microseconds: i128::from(seconds) * MICROSECONDS + i128::from(fraction),
            has_zone: zone.is_some(),
        })
    }
}

/// The seconds of `03:04:05`, `03:04` or `03`.
fn seconds(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(number);
    let hours = parts.next()??;
    let (minutes, seconds) = (parts.next().unwrap_or(Some(0))?, parts.next().unwrap_or(Some(0))?);
    let is_clock = hours <= 24 && minutes < 60 && seconds <= 60 && parts.next().is_none();
    is_clock.then_some(hours * 3_600 + minutes * 60 + seconds)
}

/// A number of at most six digits. The years of PostgreSQL have no more.
fn number(text: &str) -> Option<i64> {
    let good = (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| text.parse().ok())?
}

/// The days from 1970-01-01 to a day of the Gregorian calendar. A year begins with March here, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for ((year, month, day), since) in [
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((1970, 3, 1), 59),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((1900, 3, 1), -25_508),
            ((2026, 11, 29), 20_786),
            ((1, 1, 1), -719_162),
        ] {
            assert_eq!(days(year, month, day), since, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn distance_is_that_of_the_moments() {
        for (one, other, distance) in [
            ("2026-01-02 03:04:05+00", "2026-01-02T03:04:05Z", 0),
            ("2026-01-02 03:04:05+00", "2026-01-01 21:34:05-05:30", 0),
            ("2026-01-01 00:00:00+05:30:15", "2025-12-31 18:29:45+00", 0),
            ("2023-12-31 23:59:59.9+00", "2024-01-01 00:00:00+00", 100_000),
            ("2024-02-28 12:00:00", "2024-03-01 12:00:00", 2 * 86_400_000_000),
            ("2026-01-02 03:04:05.1", "2026-01-02 03:04:05.000001", 99_999),
            ("999999-12-31 00:00:00", "999999-12-31 00:00:00.5", 500_000),
        ] {
            assert_eq!(super::distance(one, other), Some(distance), "{one} {other}");
            assert_eq!(super::distance(other, one), Some(distance), "{other} {one}");
        }
    }

    #[test]
    fn text_that_is_no_timestamp_has_no_distance() {
        let good = "2026-01-02 03:04:05+00";
        for wrong in [
            "",
            "infinity",
            "2026-01-02",
            "0044-03-15 00:00:00+00 BC",
            "2026-13-02 03:04:05+00",
            "2026-01-32 03:04:05+00",
            "2026-01 03:04:05+00",
            "2026-01-02 03:04+00",
            "2026-01-02 25:04:05+00",
            "2026-01-02 03:04:05.1234567+00",
            "2026-01-02 03:04:05.+00",
            "2026-01-02 03:04:05+",
            "2026-01-02 03:04:05+0x",
            "9999999-01-02 03:04:05+00",
            "2026-01-02 03:04:05",
            "2026-01-02 03:04:05é+00",
        ] {
            assert_eq!(distance(good, wrong), None, "{wrong}");
        }
    }
}
