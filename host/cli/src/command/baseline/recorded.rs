use std::cmp::Reverse;
use std::collections::BTreeMap;

use turnout_baseline::RecordedRead;
use turnout_pipeline::RecordedOperation;

use crate::command::running::Running;
use crate::config::Config;

/// The reads that a running host has recorded.
#[derive(Default)]
pub(super) struct Reads {
    /// Most frequent first.
    pub(super) most_frequent: Vec<RecordedRead>,
    /// Why there are none.
    pub(super) missing: Option<String>,
}

/// Asks the host of this configuration, if one runs.
pub(super) async fn reads(config: &Config) -> Reads {
    let recording = match Running::of(config) {
        Ok(host) => host.get("/v1/recording").await,
        Err(error) => Err(error),
    };
    match recording {
        Ok(recording) => Reads::of(&recording),
        Err(error) => Reads {
            missing: Some(error.to_string()),
            ..Reads::default()
        },
    }
}

impl Reads {
    /// The reads of a recording, one JSON object a line. Writes are passed over: they would be done again.
    fn of(recording: &str) -> Self {
        let mut counted: BTreeMap<RecordedRead, usize> = BTreeMap::new();
        let operations = recording
            .lines()
            .filter_map(|line| serde_json::from_str::<RecordedOperation>(line).ok());
        for operation in operations.filter(|operation| operation.action == "find") {
            let read = RecordedRead {
                repository: operation.repository,
                by_subject: operation.subject.is_some(),
            };
            *counted.entry(read).or_default() += 1;
        }
        let missing = counted
            .is_empty()
            .then(|| "the host has recorded no read yet".to_owned());
        let mut counted: Vec<_> = counted.into_iter().collect();
        counted.sort_by_key(|(_, count)| Reverse(*count));
        Self {
            most_frequent: counted.into_iter().map(|(read, _)| read).collect(),
            missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_counted_and_writes_passed_over() {
        let line = |repository: &str, action: &str, subject: &str| {
            format!(
                "{{\"repository\": \"{repository}\", \"action\": \"{action}\", \"subject\": {subject}, \"decision\": {{}}}}\n"
            )
        };
        let recording = [
            line("staff", "find", "null"),
            line("clients", "find", "\"0123456789abcdef\""),
            line("clients", "find", "\"fedcba9876543210\""),
            line("clients", "insert", "null"),
        ];
        let reads = Reads::of(&recording.concat());
        let found: Vec<_> = reads
            .most_frequent
            .iter()
            .map(|read| (read.repository.as_str(), read.by_subject))
            .collect();
        assert_eq!(found, [("clients", true), ("staff", false)]);
        assert!(reads.missing.is_none() && Reads::of("").missing.is_some());
    }
}
