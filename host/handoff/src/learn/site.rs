use std::sync::Arc;

use turnout_alerts::{Alerts, Cause, Component, Kind};
use turnout_backends::{EpochRecord, Error as BackendError};
use turnout_policies::Policies;
use turnout_vocabulary::Epoch;

use crate::obstacle::Obstacle;
use crate::record::Record;
use crate::site::SiteDescription;

/// Compares the description of the site on record with that of this host.
pub(crate) struct SiteCheck {
    pub(crate) record: Arc<Record>,
    pub(crate) policies: Arc<Policies>,
    pub(crate) alerts: Arc<Alerts>,
}

impl SiteCheck {
    /// Goes on only if an epoch, and those that a handoff to it leaves, hold for this host's description of the site.
    /// Otherwise the host serves nothing until an epoch comes that does. `records` are oldest first.
    pub(crate) async fn belongs(&self, records: &[EpochRecord]) -> Result<(), Obstacle> {
        let compared = self.compare_site(records).await;
        self.note_site(&compared);
        compared
    }

    async fn compare_site(&self, records: &[EpochRecord]) -> Result<(), Obstacle> {
        for record in records {
            let recorded = match &record.site {
                Some(recorded) => recorded.clone(),
                None => self.first_description(record.epoch).await?,
            };
            let recorded: SiteDescription = serde_json::from_str(&recorded).map_err(|error| {
                Obstacle::OtherSite(format!(
                    "the description of the site under epoch {} can't be read ({error}): it was written by another version \
                     of Turnout; use that version",
                    record.epoch
                ))
            })?;
            if let Some(reason) = recorded.refusal(&self.record.site.load()) {
                return Err(Obstacle::OtherSite(reason));
            }
        }
        Ok(())
    }

    /// The description of a site that an earlier version recorded no description of: that of the first host which asks.
    /// `old` decides where several ask at once.
    async fn first_description(&self, epoch: Epoch) -> Result<String, BackendError> {
        let own = self.record.site.load().to_json();
        let recorded = self.record.backends.old.first_description(epoch, &own).await?;
        if let Err(error) = self.record.backends.new.first_description(epoch, &recorded).await {
            tracing::debug!(%error, "the description of the site is recorded on backend old only for now");
        }
        Ok(recorded)
    }

    /// Notes whether this host may serve, and tells people when that changes.
    fn note_site(&self, compared: &Result<(), Obstacle>) {
        match compared {
            Err(Obstacle::OtherSite(reason)) => {
                if self.policies.stand_aside(Some(reason.as_str())) {
                    let cause = Cause::new(Kind::OtherSite, Component::Handoff);
                    self.alerts.raise(cause.is_critical(reason.clone()));
                }
            }
            Ok(()) => {
                if self.policies.stand_aside(None) {
                    tracing::info!("the record describes the site as this host does again; it serves");
                }
            }
            Err(_) => {}
        }
    }
}
