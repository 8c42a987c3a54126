use crate::error::Refusal;

/// The decoded parameters of a URL, in the order of the URL.
pub(super) struct Query {
    params: Vec<(String, String)>,
}

impl Query {
    /// Decodes a query string. As in PostgREST a parameter without `=` is ignored.
    pub(super) fn parse(query: &str) -> Result<Self, Refusal> {
        let params = query
            .split('&')
            .filter_map(|param| param.split_once('='))
            .map(|(key, value)| Ok((decode(key)?, decode(value)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { params })
    }

    /// Takes the parameters out that are not wanted.
    pub(super) fn split(self, wanted: impl Fn(&str, &str) -> bool) -> (Self, Vec<(String, String)>) {
        let (params, others) = self.params.into_iter().partition(|(key, value)| wanted(key, value));
        (Self { params }, others)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The first value of a parameter. The others are ignored.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The parameters in alphabetical order, encoded again: requests that differ only in spelling get the same text.
    pub(super) fn canonical(&self) -> String {
        let mut params: Vec<_> = self.iter().collect();
        params.sort_by_key(|(key, _)| *key);
        let params: Vec<_> = params
            .iter()
            .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
            .collect();
        params.join("&")
    }
}

/// Percent-encodes all characters but letters, digits and `-._~`, for a value in a query.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    encoded
}

fn decode(text: &str) -> Result<String, Refusal> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [byte, rest @ ..] = bytes {
        bytes = rest;
        match (byte, rest) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) if let (Some(high), Some(low)) = (digit(*high), digit(*low)) => {
                decoded.push(high << 4 | low);
                bytes = after;
            }
            _ => decoded.push(*byte),
        }
    }
    if decoded.contains(&0) {
        return Err(Refusal::nul_in_query());
    }
    String::from_utf8(decoded).map_err(|_| Refusal::query_not_utf8())
}

fn hex(digit: u8) -> char {
    b"0123456789ABCDEF"[usize::from(digit)].into()
}

fn digit(hex: u8) -> Option<u8> {
    char::from(hex).to_digit(16).and_then(|digit| digit.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("name=eq.%D0%98%D0%B2%D0%B0%D0%BD+P&flag&=x&a=b=c&odd=%zz%4").unwrap();
        let params: Vec<_> = query.iter().collect();
        assert_eq!(
            params,
            [("name", "eq.Иван P"), ("", "x"), ("a", "b=c"), ("odd", "%zz%4")]
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(Query::parse("a=eq.%ff").err().unwrap().code(), "PGRST100");
        assert_eq!(Query::parse("a=eq.%00").err().unwrap().code(), "22021");
    }

    #[test]
    fn the_canonical_form_is_sorted_and_encoded() {
        let query = Query::parse("name=eq.a+%26&id=gt.1&id=lt.5").unwrap();
        assert_eq!(query.canonical(), "id=gt.1&id=lt.5&name=eq.a%20%26");
    }
}
