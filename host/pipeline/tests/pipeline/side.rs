use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use turnout_backends::{Asked, Database, Said, Script};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{Backend, Repository};

/// One side: what it answers, and what operations have asked of it.
#[derive(Default)]
pub(crate) struct Side(Mutex<State>);

#[derive(Default)]
pub(crate) struct State {
    /// Whether it can't be reached.
    pub(crate) unreachable: bool,
    /// The lowest epoch that it accepts.
    pub(crate) fence: u64,
    /// The texts of the subject column among the rows that a filter finds, as JSON.
    pub(crate) subjects: String,
    /// The same for the next questions.
    pub(crate) next_subjects: VecDeque<String>,
    /// How old the oldest change is that is not mirrored, in seconds.
    pub(crate) oldest: Option<u32>,
    /// What becomes of the next writes.
    pub(crate) next_writes: VecDeque<Said>,
    /// Whether the epoch can't be released.
    pub(crate) refuses_release: bool,
    /// The statements of operations, and what is around transactions.
    pub(crate) asked: Vec<String>,
    /// The steps of handoffs on both sides, in their order.
    pub(crate) journal: Arc<Mutex<Vec<String>>>,
}

/// The table `clients`.
const TABLES: &str = r#"{"fence": true, "side": null, "constraints": [], "roles": [], "functions": [], "tables": [{
    "oid": 1, "place": 1, "schema": "public", "name": "clients", "kind": "r", "references": [], "parts": [], "tree": null,
    "keys": [{"primary": true, "columns": ["id"]}],
    "columns": [
        {"number": 1, "name": "id", "type": "integer", "compared_type": "integer", "not_null": true, "default": null, "generated": "no"},
        {"number": 2, "name": "phone", "type": "text", "compared_type": "text", "not_null": false, "default": null, "generated": "no"},
        {"number": 3, "name": "name", "type": "text", "compared_type": "text", "not_null": false, "default": null, "generated": "no"}
    ]
}]}"#;

impl Side {
    /// A database that answers as this side does.
    pub(crate) fn database(
        self: &Arc<Self>,
        backend: Backend,
        repositories: &Arc<[Repository]>,
        supervisor: &Supervisor,
    ) -> Database {
        let side = Arc::clone(self);
        let script: Arc<Script> = Arc::new(move |asked: &Asked<'_>| side.answer(backend, asked));
        Database::scripted(backend, &script, Arc::clone(repositories), supervisor)
    }

    /// Changes what it answers from now on.
    pub(crate) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap());
    }

    /// What operations have asked of it since this was last called.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    /// The lowest epoch that it accepts.
    pub(crate) fn fence(&self) -> u64 {
        self.0.lock().unwrap().fence
    }

    fn answer(&self, backend: Backend, asked: &Asked<'_>) -> Said {
        let mut state = self.0.lock().unwrap();
        let Asked { text, parameters } = asked;
        let row = |columns: &[Option<&str>]| Said::Row(columns.iter().map(|column| column.map(Into::into)).collect());
        if state.unreachable {
            return Said::Unreachable;
        }
        let steps = [
            "record_epoch",
            "raise_fence",
            "await_fence",
            "release_epoch",
            "note_released",
        ];
        if let Some(step) = steps
            .into_iter()
            .find(|step| text.contains(&format!("turnout.{step}(")))
        {
            state.journal.lock().unwrap().push(format!("{backend}: {step}"));
            if step == "raise_fence" {
                state.fence = parameters[0].unwrap().parse().unwrap();
            }
            let refused = step == "release_epoch" && state.refuses_release;
            row(&[Some(if refused { "false" } else { "true" })])
        } else if matches!(*text, "begin" | "commit" | "rollback") {
            state.asked.push((*text).to_owned());
            row(&[])
        } else if text.contains("'fence', to_regclass") {
            row(&[Some(TABLES)])
        } else if text.contains("turnout.lowest_epoch()") {
            row(&[Some(&state.fence.to_string())])
        } else if text.contains("turnout.newest_epochs()") {
            row(&[Some(r#"{"released": null, "newest": null}"#)])
        } else if text.contains("turnout.ticks()") {
            row(&[Some(
                r#"{"outgoing_token": 0, "outgoing_tick": 0, "incoming_token": 0, "incoming_tick": 0, "incoming_shown": 0}"#,
            )])
        } else if text.contains("pg_current_snapshot()") {
            row(&[Some("1")])
        } else if text.contains("select distinct ") {
            // Nobody has rows.
            row(&[])
        } else if text.contains("turnout.persist()") || text.contains("turnout.remember_set(") {
            row(&[Some("")])
        } else if text.contains("turnout.take_lease(") {
            // Another host mirrors.
            row(&[None])
        } else if text.contains("turnout.mirror_state(") {
            row(&[Some("pending")])
        } else if text.contains("turnout.standing()") {
            let oldest = state.oldest.map_or("null".into(), |seconds| seconds.to_string());
            row(&[Some(&format!(
                r#"[{{"schema": "public", "table": "clients", "dirty": 1, "oldest": {oldest}, "held": 0, "parked": 0,
                     "diverged": 0, "verify": false}}]"#
            ))])
        } else if text.contains("json_agg(distinct") {
            let subjects = state
                .next_subjects
                .pop_front()
                .unwrap_or_else(|| state.subjects.clone());
            row(&[Some(&subjects)])
        } else if text.contains("select json_build_array($1::text)") {
            row(&[Some(&serde_json::json!(parameters).to_string())])
        } else if text.contains("_turnout_written as (") {
            let texts = parameters.iter().map(|parameter| parameter.unwrap_or("null"));
            state
                .asked
                .push(format!("{text} {}", texts.collect::<Vec<_>>().join(" ")));
            if let Some(said) = state.next_writes.pop_front() {
                return said;
            }
            let epoch: u64 = parameters.last().unwrap().unwrap().parse().unwrap();
            if epoch < state.fence {
                return Said::Refused("TN001", "the epoch is over");
            }
            row(&[Some("[]"), Some("1"), None, Some("0"), None, Some("77")])
        } else if text.contains(", count(*)::text") {
            state.asked.push((*text).to_owned());
            let (body, fence) = (format!(r#"[{{"side":"{backend}"}}]"#), state.fence.to_string());
            row(&[Some(&body), Some("1"), None, Some("0"), None, Some(&fence)])
        } else if text.contains("coalesce(json_agg(_turnout_row), '[]')") {
            // Whatever is asked for, there is nothing of it.
            row(&[Some("[]")])
        } else {
            Said::Refused("42883", "the tests do not know this statement")
        }
    }
}
