use serde::Deserialize;
use turnout_vocabulary::Backend;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// How far the mirroring of both directions is, as one side knows it. A number that is less than the other side has once seen says that this
/// side was restored from the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Ticks {
    /// The token of whoever mirrors the changes of this side.
    pub outgoing_token: i64,
    /// The number of the last batch of changes of this side whose acknowledgement is here.
    pub outgoing_tick: i64,
    /// The token of whoever mirrors changes to this side.
    pub incoming_token: i64,
    /// The number of the last batch that was applied to this side.
    pub incoming_tick: i64,
    /// The number of the last batch whose acknowledgement the other side was seen to keep whatever crashes.
    pub incoming_shown: i64,
}

/// A side that was restored from the past.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Rewound {
    /// The side.
    pub side: Backend,
    /// What gave it away, in words.
    pub reason: String,
}

impl Database {
    /// How far the mirroring of both directions is, as this side knows it.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn ticks(&self) -> Result<Ticks, Error> {
        self.row(
            "select outgoing_token, outgoing_tick, incoming_token, incoming_tick, incoming_shown from turnout.ticks()",
            &[],
        )
        .await
    }

    /// Keeps here that the other side keeps the acknowledgement of a batch, and of all before it, whatever crashes there.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn note_shown(&self, token: i64, tick: i64) -> Result<(), Error> {
        let parameters = [Parameter::number(token), Parameter::number(tick)];
        self.call("select turnout.note_shown($1::int8, $2::int8)::text", &parameters)
            .await
    }

    /// Keeps here that a side was restored from the past; whether that is new.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn note_rewound(&self, rewound: &Rewound) -> Result<bool, Error> {
        self.value(
            "select turnout.note_rewound($1, $2)::text",
            &[Parameter::text(rewound.side.as_str()), Parameter::text(&rewound.reason)],
        )
        .await
    }

    /// The sides that were restored from the past, as far as this side knows.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn rewound_sides(&self) -> Result<Vec<Rewound>, Error> {
        self.rows("select side, reason from turnout.rewound_sides()", &[]).await
    }

    /// Has both directions go on from the same token and the same batch here, and forgets that a side was restored from the past.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn level(&self, token: i64, tick: i64) -> Result<(), Error> {
        let parameters = [Parameter::number(token), Parameter::number(tick)];
        self.call("select turnout.level($1::int8, $2::int8)::text", &parameters)
            .await
    }
}
