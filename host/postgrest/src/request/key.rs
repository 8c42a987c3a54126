//! The key of the one row that `PUT` writes.

use turnout_vocabulary::{Comparison, Filter, Operand, Operator};

use crate::error::Refusal;

/// Goes on only if a filter is one `eq` for each column of the key, and nothing else.
pub(super) fn check(key: &[String], filter: &Filter) -> Result<(), Refusal> {
    let Filter::All(parts) = filter else {
        return Err(Refusal::not_the_key());
    };
    let mut compared: Vec<_> = parts.iter().map(column).collect();
    let mut key: Vec<_> = key.iter().map(|column| Some(column.as_str())).collect();
    compared.sort_unstable();
    compared.dedup();
    key.sort_unstable();
    if compared == key && !key.is_empty() {
        Ok(())
    } else {
        Err(Refusal::not_the_key())
    }
}

/// The column that must be equal to a value, if that is what a part of a filter says.
fn column(part: &Filter) -> Option<&str> {
    match part {
        Filter::Compare(Comparison {
            field,
            operator: Operator::Eq,
            operand: Operand::Value(_),
        }) => field.column(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::filter;
    use crate::request::query::Query;

    #[test]
    fn only_one_eq_for_each_column_of_the_key_is_a_key() {
        let key = ["hall", "number"].map(str::to_owned);
        let checked = |query: &str| {
            let filter = filter::parse(&Query::parse(query).unwrap(), &mut []).unwrap();
            check(&key, &filter).map_err(|refused| refused.code().to_owned())
        };
        assert_eq!(checked("number=eq.1&hall=eq.a"), Ok(()));
        for query in [
            "",
            "hall=eq.a",
            "hall=eq.a&number=eq.1&name=eq.x",
            "hall=eq.a&number=not.eq.1",
            "hall=eq.a&number=in.(1)",
            "hall=eq.a&number=eq(any).{1}",
            "hall=eq.a&and=(number.eq.1)",
            "hall=eq.a&number->x=eq.1",
        ] {
            assert_eq!(checked(query), Err("PGRST105".to_owned()), "{query}");
        }
        assert!(check(&[], &Filter::default()).is_err());
    }
}
