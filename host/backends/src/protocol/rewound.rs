use sqlx::Row as _;
use turnout_vocabulary::Backend;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// How far the mirroring of both directions is, as one side knows it. A number that is less than the other side has once seen says that this
/// side was restored from the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let rows = self
            .call(
                "select outgoing_token, outgoing_tick, incoming_token, incoming_tick, incoming_shown from turnout.ticks()",
                &[],
            )
            .await?;
        let ticks = self.read(&rows, |row| {
            Ok(Ticks {
                outgoing_token: row.try_get(0)?,
                outgoing_tick: row.try_get(1)?,
                incoming_token: row.try_get(2)?,
                incoming_tick: row.try_get(3)?,
                incoming_shown: row.try_get(4)?,
            })
        })?;
        let ticks = ticks.into_iter().next();
        ticks.ok_or_else(|| self.unexpected(&sqlx::Error::RowNotFound))
    }

    /// Keeps here that the other side keeps the acknowledgement of a batch, and of all before it, whatever crashes there.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn note_shown(&self, token: i64, tick: i64) -> Result<(), Error> {
        let parameters = [Parameter::Number(token), Parameter::Number(tick)];
        self.call("select turnout.note_shown($1, $2)::text", &parameters)
            .await
            .map(drop)
    }

    /// Keeps here that a side was restored from the past; whether that is new.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn note_rewound(&self, rewound: &Rewound) -> Result<bool, Error> {
        self.value(
            "select turnout.note_rewound($1, $2)",
            &[Parameter::Text(rewound.side.as_str()), Parameter::Text(&rewound.reason)],
        )
        .await
    }

    /// The sides that were restored from the past, as far as this side knows.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn rewound_sides(&self) -> Result<Vec<Rewound>, Error> {
        let rows = self
            .call("select side, reason from turnout.rewound_sides()", &[])
            .await?;
        self.read(&rows, |row| {
            let side: String = row.try_get(0)?;
            Ok(Rewound {
                // The table lets in no third name.
                side: if side == Backend::Old.as_str() {
                    Backend::Old
                } else {
                    Backend::New
                },
                reason: row.try_get(1)?,
            })
        })
    }

    /// Has both directions go on from the same token and the same batch here, and forgets that a side was restored from the past.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn level(&self, token: i64, tick: i64) -> Result<(), Error> {
        let parameters = [Parameter::Number(token), Parameter::Number(tick)];
        self.call("select turnout.level($1, $2)::text", &parameters)
            .await
            .map(drop)
    }
}
