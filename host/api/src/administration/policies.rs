use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use turnout_handoff::NotShipped;
use turnout_policies::{File, Scope};
use turnout_postgrest::Refusal;
use turnout_vocabulary::{Epoch, SubjectRule};

use super::read;
use super::sent::{Named, Sent};
use crate::Host;
use crate::rest::{RETRY_AFTER, refuse};

/// For whom a version is to decide.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everybody.
    #[default]
    Everybody,
    /// These subjects, in any spelling; the stable version for everybody else.
    Subjects(Vec<String>),
    /// This part of the subjects, in percent.
    Percent(f64),
    /// Nobody: it is asked beside the stable one, and where they differ is counted.
    Shadow,
}

/// What `PUT /v1/policies/{world}` takes as JSON. A body of the type `application/wasm` is a module for everybody.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// The module, in hexadecimal; without it the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Its signature, as minisign writes it, where the host asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The settings, as TOML; without them those in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// For whom it is to decide.
    #[serde(default, rename = "for")]
    pub audience: Audience,
    /// Who ships it, in their own words.
    #[serde(default)]
    pub who: String,
}

impl Push {
    /// Takes out the module and the settings, as files of a world.
    fn files(&mut self, world: &str) -> Result<(Option<File>, Option<File>), Refusal> {
        let module = self.module.take().map(hex::decode).transpose();
        let module = module.map_err(|_| Refusal::invalid_request("module is not hexadecimal"))?;
        let module = module.map(|bytes| File::new(format!("{world}.wasm"), bytes).signed(self.signature.take()));
        let settings = self.settings.take();
        let settings = settings.map(|text| File::new(format!("{world}.toml"), text.into_bytes()));
        Ok((module, settings))
    }
}

/// What `POST /v1/policies/activate` takes: a module by its `sha256`, or the whole set of an `epoch`.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The SHA-256 of a module that is kept, or at least its first 8 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// An epoch whose set is kept. It is brought back for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// For whom the module is to decide.
    #[serde(default, rename = "for")]
    pub audience: Audience,
    /// Who asks for it.
    #[serde(default)]
    pub who: String,
}

/// What `POST /v1/policies/rollback`, `promote` and `withdraw` take.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// Who asks for it.
    #[serde(default)]
    pub who: String,
}

/// What is in force after that.
#[derive(Debug, Serialize, Deserialize)]
pub struct Activated {
    /// The epoch.
    pub epoch: Epoch,
    /// Of a version on trial: why it could not be promoted as things stand, if something holds that up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle_to_promotion: Option<String>,
}

/// `GET /v1/policies`: what is and was in force.
pub(crate) async fn list(State(host): State<Arc<Host>>) -> Response {
    match host.pipeline.handoffs.shipments().await {
        Ok(shipments) => Json(shipments).into_response(),
        Err(error) => refuse(Refusal::unavailable(error.to_string(), Some(RETRY_AFTER))),
    }
}

/// `GET /v1/policies/{epoch}`: what is on record of one epoch, with its settings.
pub(crate) async fn show(State(host): State<Arc<Host>>, Named(epoch): Named<u64>) -> Response {
    match host.pipeline.handoffs.show(Epoch::new(epoch)).await {
        Ok(shown) => Json(shown).into_response(),
        Err(error) => refuse(refusal(error)),
    }
}

/// `GET /v1/policies/{epoch}/diff/{epoch}`: what differs between two epochs.
pub(crate) async fn diff(State(host): State<Arc<Host>>, Named((before, after)): Named<(u64, u64)>) -> Response {
    match host.pipeline.handoffs.diff(Epoch::new(before), Epoch::new(after)).await {
        Ok(diff) => Json(diff).into_response(),
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
        let handoffs = &host.pipeline.handoffs;
        if wasm {
            let module = File::new(format!("{world}.wasm"), body.to_vec());
            let pushed = handoffs.push(&world, Some(module), None, None, String::new()).await;
            return shipped(&host, pushed).await;
        }
        let mut push: Push = read(&body)?;
        let (module, settings) = push.files(&world)?;
        let scope = scope(push.audience, &host.pipeline.rule)?;
        shipped(&host, handoffs.push(&world, module, settings, scope, push.who).await).await
    };
    answer(pushed.await)
}

/// `POST /v1/policies/{world}/replay`: what the recorded operations show of a module or settings that are not in force.
pub(crate) async fn replay(State(host): State<Arc<Host>>, Named(world): Named<String>, Sent(body): Sent) -> Response {
    let replayed = async {
        let (module, settings) = read::<Push>(&body)?.files(&world)?;
        let asked = Arc::clone(&host);
        let replay = tokio::task::spawn_blocking(move || asked.pipeline.replay(&world, module, settings)).await;
        let (mut replay, set) = replay
            .map_err(|error| Refusal::unavailable(error.to_string(), None))?
            .map_err(refusal)?;
        replay.obstacle = host.pipeline.handoffs.obstacle_to(&set).await;
        Ok(replay)
    };
    match replayed.await {
        Ok(replay) => Json(replay).into_response(),
        Err(refusal) => refuse(refusal),
    }
}

/// `GET /v1/recording`: the recorded operations with what is decided on them, one JSON object a line.
pub(crate) async fn recording(State(host): State<Arc<Host>>) -> Response {
    // The policies are asked about every operation.
    let recorded = match tokio::task::spawn_blocking(move || host.pipeline.recorded()).await {
        Ok(recorded) => recorded,
        Err(error) => return refuse(Refusal::unavailable(error.to_string(), None)),
    };
    let mut lines = String::new();
    for recorded in recorded {
        // Texts always are JSON.
        lines.push_str(&serde_json::to_string(&recorded).unwrap_or_default());
        lines.push('\n');
    }
    ([(CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
}

/// `POST /v1/policies/{verb}`.
pub(crate) async fn change(State(host): State<Arc<Host>>, Named(verb): Named<String>, Sent(body): Sent) -> Response {
    let handoffs = &host.pipeline.handoffs;
    let changed = async {
        if verb == "activate" {
            let Activation {
                sha256,
                epoch,
                audience,
                who,
            } = read(&body)?;
            let activated = match (sha256, epoch) {
                (Some(sha256), None) => {
                    let scope = scope(audience, &host.pipeline.rule)?;
                    handoffs.activate(&sha256, scope, who).await
                }
                (None, Some(epoch)) if audience == Audience::Everybody => {
                    handoffs.activate_epoch(Epoch::new(epoch), who).await
                }
                (None, Some(_)) => {
                    return Err(Refusal::invalid_request(
                        "an epoch is brought back for everybody; name a module by its `sha256` to try it on some",
                    ));
                }
                _ => return Err(Refusal::invalid_request("give either `sha256` or `epoch`")),
            };
            return shipped(&host, activated).await;
        }
        let By { who } = if body.is_empty() { By::default() } else { read(&body)? };
        let changed = match verb.as_str() {
            "rollback" => handoffs.roll_back(who).await,
            "promote" => handoffs.end_trial(true, who).await,
            "withdraw" => handoffs.end_trial(false, who).await,
            _ => return Err(Refusal::invalid_path()),
        };
        Ok(Activated {
            epoch: changed.map_err(refusal)?,
            obstacle_to_promotion: None,
        })
    };
    answer(changed.await)
}

/// What is told after a version was brought into force, perhaps on trial.
async fn shipped(host: &Host, epoch: Result<Epoch, NotShipped>) -> Result<Activated, Refusal> {
    Ok(Activated {
        epoch: epoch.map_err(refusal)?,
        obstacle_to_promotion: host.pipeline.handoffs.obstacle_to_promotion().await,
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
        Audience::Percent(_) => return Err(Refusal::invalid_request("percent is from 0 to 100")),
        Audience::Shadow => Some(Scope::Shadow),
    })
}

fn refusal(error: NotShipped) -> Refusal {
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
