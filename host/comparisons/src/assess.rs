use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use turnout_backends::{Error, OpenDivergence};
use turnout_vocabulary::{Backend, ComparisonCount, ComparisonWindow, DivergenceAlertKind};

use crate::Comparisons;
use crate::counts::source;

/// How often the policy is asked.
const EVERY: Duration = Duration::from_secs(10);

/// The window that the policy is shown, in seconds.
const WINDOW: u32 = 300;

/// How many divergences a report names.
const NAMED: u32 = 10;

impl Comparisons {
    /// Shows the policy what was compared lately, and tells people what it says.
    pub(crate) async fn assess(self: Arc<Self>) {
        loop {
            sleep(EVERY).await;
            // A side that is down has alerts of its own.
            if let Err(error) = self.assess_once().await {
                tracing::debug!(%error, "what was compared can't be read");
            }
        }
    }

    async fn assess_once(&self) -> Result<(), Error> {
        let mut window = ComparisonWindow {
            length: Duration::from_secs(WINDOW.into()),
            counts: Vec::new(),
            open: 0,
            since_report: self.sides.new.raised_ago("divergence_report").await?,
        };
        for compared in self.sides.new.comparisons(WINDOW).await? {
            let is_it = |repository: &&turnout_vocabulary::Repository| {
                repository.table == compared.table && repository.schema == compared.schema
            };
            let Some(repository) = self.repositories.iter().find(is_it) else {
                continue;
            };
            window.counts.push(ComparisonCount {
                repository: repository.id,
                source: source(&compared.source),
                compared: compared.equal + compared.unsettled + compared.diverged,
                equal: compared.equal,
                unsettled: compared.unsettled,
                diverged: compared.diverged,
                dropped: compared.dropped,
                failed: compared.failed,
            });
        }
        let mut first = Vec::new();
        for backend in Backend::ALL {
            window.open += self.sides[backend].open_divergences().await?;
            first.extend(self.sides[backend].divergences(None, NAMED).await?);
        }
        first.truncate(NAMED as usize);
        for alert in self.policies.in_force().assess(&window) {
            let kind = match &alert.kind {
                DivergenceAlertKind::Other(word) => word,
                kind => kind.as_str(),
            };
            if self.sides.new.raise_alert(kind, WINDOW).await? {
                self.listener.alert(&alert, &named(&first));
            }
        }
        Ok(())
    }
}

/// The first divergences in words: their repositories and columns. Keys may be personal data.
fn named(first: &[OpenDivergence]) -> String {
    let mut words = String::new();
    for one in first {
        let columns = one.columns.as_deref().unwrap_or_default();
        let what = if columns.is_empty() {
            one.reason.clone()
        } else {
            columns.join(", ")
        };
        // Writing to a String cannot fail.
        let _ = write!(
            words,
            "{}{}: {what}",
            if words.is_empty() { "" } else { "; " },
            one.table
        );
    }
    words
}
