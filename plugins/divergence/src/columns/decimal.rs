/// Whether two texts are the same number, however it is written: `1.50`, `15e-1`, `+1.5`. Nothing is rounded. What is no decimal
/// number (`NaN`, `Infinity`) is equal to nothing.
pub(super) fn are_equal(one: &str, other: &str) -> bool {
    matches!((Decimal::parse(one), Decimal::parse(other)), (Some(one), Some(other)) if one.is_same_as(&other))
}

/// A decimal number in the one way in which every number can be written: 0.DIGITS times ten to a power, where the first and the last
/// digit are not zero. Zero has no digits and the power 0.
pub(super) struct Decimal<'t> {
    is_negative: bool,
    /// Its digits are those of the one text and those of the other after them.
    digits: [&'t str; 2],
    power: i64,
}

impl<'t> Decimal<'t> {
    /// `None` if a text is no decimal number.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, i64::from(exponent.parse::<i32>().ok()?)),
            None => (text, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let mut all = whole.bytes().chain(fraction.bytes());
        if whole.len() + fraction.len() == 0 || !all.all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let length = |text: &str| i64::try_from(text.len()).ok();
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let (digits, power) = match (whole, fraction) {
            ("", "") => {
                return Some(Self {
                    is_negative: false,
                    digits: ["", ""],
                    power: 0,
                });
            }
            ("", fraction) => {
                let digits = fraction.trim_start_matches('0');
                (["", digits], length(digits)? - length(fraction)?)
            }
            (whole, "") => ([whole.trim_end_matches('0'), ""], length(whole)?),
            (whole, fraction) => ([whole, fraction], length(whole)?),
        };
        Some(Self {
            is_negative,
            digits,
            power: power + exponent,
        })
    }

    fn is_same_as(&self, other: &Self) -> bool {
        let bytes = |[whole, fraction]: [&'t str; 2]| whole.bytes().chain(fraction.bytes());
        self.is_negative == other.is_negative && self.power == other.power && bytes(self.digits).eq(bytes(other.digits))
    }

    /// Adds the one way in which the number can be written.
    pub(super) fn write(&self, text: &mut String) {
        text.push(if self.is_negative { '-' } else { '.' });
        self.digits.iter().for_each(|digits| text.push_str(digits));
        text.push('e');
        text.push_str(&self.power.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::are_equal;

    #[test]
    fn same_number_is_equal_however_it_is_written() {
        for (one, other) in [
            ("1.50", "1.5"),
            ("1.0", "1"),
            ("100", "1e2"),
            ("100", "1E+2"),
            ("0.001", "1e-3"),
            ("-0.0", "0"),
            ("0e7", "0.00"),
            ("007", "+7"),
            (".5", "0.5"),
            ("5.", "5"),
            ("12345678901234567890.10", "12345678901234567890.1"),
        ] {
            assert!(are_equal(one, other) && are_equal(other, one), "{one} {other}");
        }
    }

    #[test]
    fn other_numbers_differ_and_so_does_what_is_no_number() {
        for (one, other) in [
            ("1.5", "-1.5"),
            ("1", "10"),
            ("0.1", "0.01"),
            ("12345678901234567890.1", "12345678901234567890.2"),
            ("NaN", "NaN"),
            ("Infinity", "-Infinity"),
            ("", ""),
            (".", "."),
            ("-", "-"),
            ("1e", "1e"),
            ("1e99999999999", "1e99999999999"),
            ("1 ", "1"),
            ("1.2.3", "1.2.3"),
        ] {
            assert!(!are_equal(one, other), "{one} {other}");
        }
    }
}
