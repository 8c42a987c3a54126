mod replayed;
mod versions;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use turnout_handoff::{Asker, NotShipped};
use turnout_policies::{File, Scope};
use turnout_postgrest::Refusal;
use turnout_vocabulary::{Epoch, SubjectRule};

pub use replayed::{ChangedDecision, Replay, ReplayedCohort};
pub use versions::{Shipment, ShippedTrial, ShippedVersion, ShownEpoch, ShownTrial, ShownVersion, VersionDiff};

use super::read;
use super::sent::{Named, Sent};
use crate::Host;
use crate::rest::{RETRY_AFTER, refuse};

/// For whom a version decides.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everybody.
    #[default]
    Everybody,
    /// These subjects, in any spelling. For all other subjects the stable version decides.
    Subjects(Vec<String>),
    /// This percentage of the subjects.
    Percent(f64),
    /// Nobody. The version is asked beside the stable one, and the host counts where their answers differ.
    Shadow,
}

/// The JSON body of `PUT /v1/policies/{world}`. A body of the type `application/wasm` is a module for everybody.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// The module, in hexadecimal; without it, the module in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The module's signature in minisign's format, where the host asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The settings, as TOML; without them, the settings in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// For whom the version decides.
    #[serde(default, rename = "for")]
    pub audience: Audience,
    /// The name of whoever ships the version, in their own words.
    #[serde(default)]
    pub who: String,
    /// Why authority is to move to `new` although not all is so that this needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

impl Push {
    /// Takes the module and the settings out of the body, as files of a world.
    fn files(&mut self, world: &str) -> Result<(Option<File>, Option<File>), Refusal> {
        let module = self.module.take().map(hex::decode).transpose();
        let module = module.map_err(|_| Refusal::invalid_request("`module` is not hexadecimal."))?;
        let module = module.map(|bytes| File::new(format!("{world}.wasm"), bytes).signed(self.signature.take()));
        let settings = self.settings.take();
        let settings = settings.map(|text| File::new(format!("{world}.toml"), text.into_bytes()));
        Ok((module, settings))
    }
}

/// The body of `POST /v1/policies/activate`: either the `sha256` of a module, or the `epoch` whose whole set to bring back.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The SHA-256 of a module on record, or at least its first 8 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// An epoch whose set is on record. The set is brought back for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// For whom the module decides.
    #[serde(default, rename = "for")]
    pub audience: Audience,
    /// The name of whoever asks for it.
    #[serde(default)]
    pub who: String,
    /// Why authority is to move to `new` although not all is so that this needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// The body of `POST /v1/policies/rollback`, `promote` and `withdraw`.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// The name of whoever asks for it.
    #[serde(default)]
    pub who: String,
    /// Why authority is to move to `new` although not all is so that this needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// The state after such a change.
#[derive(Debug, Serialize, Deserialize)]
pub struct Activated {
    /// The epoch in force.
    pub epoch: Epoch,
    /// For a version on trial: what would hold up its promotion now, if anything would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle_to_promotion: Option<String>,
}

/// `GET /v1/policies`: the versions in force and those before them.
pub(crate) async fn list(State(host): State<Arc<Host>>) -> Response {
    match host.pipeline.handoffs.history.shipments().await {
        Ok(shipments) => Json(shipments.into_iter().map(Shipment::from).collect::<Vec<_>>()).into_response(),
        Err(error) => refuse(Refusal::unavailable(error.to_string(), Some(RETRY_AFTER))),
    }
}

/// `GET /v1/policies/{epoch}`: the record of one epoch, with its settings.
pub(crate) async fn show(State(host): State<Arc<Host>>, Named(epoch): Named<u64>) -> Response {
    match host.pipeline.handoffs.history.show(Epoch::new(epoch)).await {
        Ok(shown) => Json(ShownEpoch::from(shown)).into_response(),
        Err(error) => refuse(refusal(error)),
    }
}

/// `GET /v1/policies/{epoch}/diff/{epoch}`: what differs between two epochs.
pub(crate) async fn diff(State(host): State<Arc<Host>>, Named((before, after)): Named<(u64, u64)>) -> Response {
    match host
        .pipeline
        .handoffs
        .history
        .diff(Epoch::new(before), Epoch::new(after))
        .await
    {
        Ok(diff) => Json(diff.map(|_, diff| VersionDiff::from(diff.clone()))).into_response(),
        Err(error) => refuse(refusal(error)),
    }
}

/// `PUT /v1/policies/{world}`.
pub(crate) async fn push(
    State(host): State<Arc<Host>>,
    Named(world): Named<String>,
    headers: HeaderMap,
    Sent(body): Sent,
) -> Response {
    let wasm = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/wasm");
    let pushed = async {
        let shipping = &host.pipeline.handoffs.shipping;
        if wasm {
            let module = File::new(format!("{world}.wasm"), body.to_vec());
            let pushed = shipping.push(&world, Some(module), None, None, Asker::default()).await;
            return shipped(&host, pushed).await;
        }
        let mut push: Push = read(&body)?;
        let (module, settings) = push.files(&world)?;
        let scope = scope(push.audience, &host.pipeline.rule)?;
        let asker = Asker {
            who: push.who,
            because: push.because,
        };
        shipped(&host, shipping.push(&world, module, settings, scope, asker).await).await
    };
    answer(pushed.await)
}

/// `POST /v1/policies/{world}/replay`: replays the recorded operations through a module or settings that are not in force.
pub(crate) async fn replay(State(host): State<Arc<Host>>, Named(world): Named<String>, Sent(body): Sent) -> Response {
    let replayed = async {
        let (module, settings) = read::<Push>(&body)?.files(&world)?;
        let asked = Arc::clone(&host);
        let replay = tokio::task::spawn_blocking(move || asked.pipeline.replay(&world, module, settings)).await;
        let (replay, set) = replay
            .map_err(|error| Refusal::unavailable(error.to_string(), None))?
            .map_err(refusal)?;
        Ok(Replay {
            obstacle: host.pipeline.handoffs.foresight.obstacle_to(&set).await,
            ..Replay::from(replay)
        })
    };
    match replayed.await {
        Ok(replay) => Json(replay).into_response(),
        Err(refusal) => refuse(refusal),
    }
}

/// `GET /v1/recording`: the recorded operations with the decisions on them, one JSON object a line.
pub(crate) async fn recording(State(host): State<Arc<Host>>) -> Response {
    // The policies decide every operation anew, which takes long.
    let recorded = match tokio::task::spawn_blocking(move || host.pipeline.recorded()).await {
        Ok(recorded) => recorded,
        Err(error) => return refuse(Refusal::unavailable(error.to_string(), None)),
    };
    let mut lines = String::new();
    for recorded in recorded {
        // Text always serialises as JSON.
        lines.push_str(&serde_json::to_string(&recorded).unwrap_or_default());
        lines.push('\n');
    }
    ([(CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
}

/// `POST /v1/policies/{verb}`, where the verb is `activate`, `rollback`, `promote` or `withdraw`.
pub(crate) async fn change(State(host): State<Arc<Host>>, Named(verb): Named<String>, Sent(body): Sent) -> Response {
    let shipping = &host.pipeline.handoffs.shipping;
    let changed = async {
        if verb == "activate" {
            let Activation {
                sha256,
                epoch,
                audience,
                who,
                because,
            } = read(&body)?;
            let asker = Asker { who, because };
            let activated = match (sha256, epoch) {
                (Some(sha256), None) => {
                    let scope = scope(audience, &host.pipeline.rule)?;
                    shipping.activate(&sha256, scope, asker).await
                }
                (None, Some(epoch)) if audience == Audience::Everybody => {
                    shipping.activate_epoch(Epoch::new(epoch), asker).await
                }
                (None, Some(_)) => {
                    return Err(Refusal::invalid_request(
                        "An epoch is brought back for everybody. To try one of its modules on some subjects, give its `sha256`.",
                    ));
                }
                _ => return Err(Refusal::invalid_request("Give either `sha256` or `epoch`.")),
            };
            return shipped(&host, activated).await;
        }
        let By { who, because } = if body.is_empty() { By::default() } else { read(&body)? };
        let asker = Asker { who, because };
        let changed = match verb.as_str() {
            "rollback" => shipping.roll_back(asker).await,
            "promote" => shipping.end_trial(true, asker).await,
            "withdraw" => shipping.end_trial(false, asker).await,
            _ => return Err(Refusal::invalid_path()),
        };
        Ok(Activated {
            epoch: changed.map_err(refusal)?,
            obstacle_to_promotion: None,
        })
    };
    answer(changed.await)
}

/// The answer after a version came into force or went on trial.
async fn shipped(host: &Host, epoch: Result<Epoch, NotShipped>) -> Result<Activated, Refusal> {
    Ok(Activated {
        epoch: epoch.map_err(refusal)?,
        obstacle_to_promotion: host.pipeline.handoffs.foresight.obstacle_to_promotion().await,
    })
}

fn answer(changed: Result<Activated, Refusal>) -> Response {
    match changed {
        Ok(activated) => (StatusCode::OK, Json(activated)).into_response(),
        Err(refusal) => refuse(refusal),
    }
}

fn scope(audience: Audience, rule: &SubjectRule) -> Result<Option<Scope>, Refusal> {
    Ok(match audience {
        Audience::Everybody => None,
        Audience::Subjects(texts) => {
            let mut subjects = BTreeSet::new();
            for (place, text) in texts.iter().enumerate() {
                let subject = rule.normalise(text);
                let subject = subject
                    .map_err(|error| Refusal::invalid_request(format!("subject {} of the list: {error}", place + 1)))?;
                subjects.insert(subject.as_str().to_owned());
            }
            Some(Scope::Subjects(subjects))
        }
        Audience::Percent(percent) if (0.0..=100.0).contains(&percent) => Some(Scope::Percent(percent)),
        Audience::Percent(_) => return Err(Refusal::invalid_request("`percent` must be from 0 to 100.")),
        Audience::Shadow => Some(Scope::Shadow),
    })
}

pub(super) fn refusal(error: NotShipped) -> Refusal {
    match error {
        NotShipped::Backend(error) => Refusal::unavailable(error.to_string(), Some(RETRY_AFTER)),
        NotShipped::NoWorld(_)
        | NotShipped::Ambiguous(_)
        | NotShipped::Unknown(_)
        | NotShipped::NoDigest(_)
        | NotShipped::NoEpoch(_) => Refusal::invalid_request(error.to_string()),
        error => Refusal::refused(error.to_string()),
    }
}
