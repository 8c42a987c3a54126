use serde::{Deserialize, Serialize};
use turnout_vocabulary::Latencies;

use crate::database::Database;
use crate::error::Error;
use crate::sql::Parameter;

/// What a host did in one minute, by repository, action and backend.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MinuteRow {
    /// When the minute began, in seconds of Unix time.
    pub minute: u64,
    /// The repository.
    pub repository: String,
    /// What was done; `mirror` for the mirror of changes on the backend.
    pub action: &'static str,
    /// The backend that answered; `none` if none was asked.
    pub backend: &'static str,
    /// How many operations there were.
    pub operations: u64,
    /// How many of them failed.
    pub errors: u64,
    /// How long they waited for the backend.
    pub latency: Latencies,
    /// The age of the oldest change that waited to be mirrored, in milliseconds, at most.
    pub mirror_age_ms: Option<u64>,
    /// How many changes waited to be mirrored at most.
    pub dirty: Option<u64>,
}

/// How many alerts a host raised in one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MinuteAlerts {
    /// When the minute began, in seconds of Unix time.
    pub minute: u64,
    /// Their kind.
    pub kind: &'static str,
    /// How much they matter.
    pub severity: &'static str,
    /// How many.
    pub alerts: u64,
}

/// What all hosts did with one backend in some minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Minutes {
    /// When the first of these minutes began, in seconds of Unix time.
    pub at: i64,
    /// The backend that answered, or whose changes are mirrored; `none` if none.
    pub backend: String,
    /// How many operations there were.
    pub operations: u64,
    /// How many of them failed.
    pub errors: u64,
    /// How long they waited for the backend.
    pub latency: Latencies,
    /// How many reads were compared and found equal.
    pub equal: u64,
    /// How many reads were compared whose rows changed meanwhile.
    pub unsettled: u64,
    /// How many reads were compared and found to differ.
    pub diverged: u64,
    /// The age of the oldest change that waited to be mirrored, in milliseconds, at most.
    pub mirror_age_ms: Option<u64>,
    /// How many changes waited to be mirrored at most.
    pub dirty: Option<u64>,
}

/// What all hosts did over the whole time in one repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationMinutes {
    /// The repository.
    pub repository: String,
    /// What was done.
    pub action: String,
    /// The backend that answered; `none` if none was asked.
    pub backend: String,
    /// How many operations there were.
    pub operations: u64,
    /// How many of them failed.
    pub errors: u64,
    /// How long they waited for the backend.
    pub latency: Latencies,
}

/// How many alerts of one kind were raised in some minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerts {
    /// When the first of these minutes began, in seconds of Unix time.
    pub at: i64,
    /// Their kind.
    pub kind: String,
    /// How much they matter.
    pub severity: String,
    /// How many.
    pub alerts: u64,
}

/// A change of epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastHandoff {
    /// The epoch that it brought.
    pub epoch: u64,
    /// When it began, in seconds of Unix time.
    pub at: i64,
    /// How long it took, in seconds; `None` if it did not come to its end.
    pub seconds: Option<f64>,
    /// The side that a forced failover made the authority of everything.
    pub forced: Option<String>,
}

impl Database {
    /// Keeps what a host did in minutes that are over. To say it twice is harmless.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn add_minutes(&self, host: &str, minutes: &[MinuteRow], alerts: &[MinuteAlerts]) -> Result<(), Error> {
        self.call(
            "select turnout.add_minutes($1, $2::json, $3::json)::text",
            &[
                Parameter::text(host),
                Parameter::json(&minutes),
                Parameter::json(&alerts),
            ],
        )
        .await
    }

    /// When the first minute began that is kept, in seconds of Unix time; `None` if there is none.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn first_minute(&self) -> Result<Option<i64>, Error> {
        self.value("select turnout.first_minute()::text", &[]).await
    }

    /// What all hosts did from a moment on (in seconds of Unix time), summed by so many seconds, in the order of time.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn minutes_since(&self, since: i64, step: i32) -> Result<Vec<Minutes>, Error> {
        let query = "select * from turnout.minutes_since(to_timestamp($1::int8), $2::integer)";
        self.rows(query, &[Parameter::number(since), Parameter::number(step)])
            .await
    }

    /// The same by repository, action and backend.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn minutes_by_operation(&self, since: i64) -> Result<Vec<OperationMinutes>, Error> {
        let query = "select * from turnout.minutes_by_operation(to_timestamp($1::int8))";
        self.rows(query, &[Parameter::number(since)]).await
    }

    /// The alerts from a moment on, summed by so many seconds.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn alerts_since(&self, since: i64, step: i32) -> Result<Vec<Alerts>, Error> {
        let query = "select * from turnout.alerts_since(to_timestamp($1::int8), $2::integer)";
        self.rows(query, &[Parameter::number(since), Parameter::number(step)])
            .await
    }

    /// The changes of epochs from a moment on.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn handoffs_since(&self, since: i64) -> Result<Vec<PastHandoff>, Error> {
        let query = "select * from turnout.handoffs_since(to_timestamp($1::int8))";
        self.rows(query, &[Parameter::number(since)]).await
    }
}
