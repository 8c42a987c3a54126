use turnout_vocabulary::{Filter, OrderBy, Selected};

use super::query::Query;
use super::{Dialect, filter, order, select, window};
use crate::error::Refusal;

/// Which rows an answer holds and what of each, with all that a query says of embedded tables.
pub(super) struct Chosen {
    pub(super) select: Vec<Selected>,
    pub(super) filter: Filter,
    pub(super) order: Vec<OrderBy>,
}

impl Chosen {
    pub(super) fn parse(dialect: Dialect, query: &Query) -> Result<Self, Refusal> {
        let every = || Ok(vec![Selected::Every]);
        let mut select = query.first("select").map_or_else(every, select::parse)?;
        if !dialect.aggregates && Selected::aggregates(&select) {
            return Err(Refusal::aggregates_not_allowed());
        }
        let filter = filter::parse(query, &mut select)?;
        let order = order::parse(query, &mut select)?;
        window::of_embedded(query, &mut select)?;
        Ok(Self { select, filter, order })
    }
}
