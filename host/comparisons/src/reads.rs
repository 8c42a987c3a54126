use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::sleep;
use turnout_backends::{Error, FoundDivergence};
use turnout_compare::{Columns, Difference, Suspects, Verdict, differences, repair};
use turnout_vocabulary::{
    Backend, BodyForm, Column, ComparisonSource, Epoch, Find, Repository, RepositoryId, Request, Selected,
    TransactionSettings,
};

use crate::counts::What;
use crate::{ByPolicy, Comparisons};

/// One of so many sampled reads asks the authority a second time: what differs then is noise, such as rows without an order.
const BASELINE: u64 = 10;

/// How many rows of a read are looked at one by one.
const LOOKED_AT: u32 = 1_000;

/// How long a row that changes all the time is looked at.
const PATIENCE: Duration = Duration::from_secs(2);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A read that the application made, with its answer.
pub struct Read {
    /// The repository.
    pub repository: RepositoryId,
    /// What was asked for.
    pub find: Find,
    /// The epoch that it was decided under.
    pub epoch: Epoch,
    /// The backend that answered.
    pub authority: Backend,
    /// What it asked of its transaction.
    pub transaction: TransactionSettings,
    /// The answer.
    pub answer: String,
}

impl Comparisons {
    /// Compares the reads that wait, one after the other.
    pub(crate) async fn compare_reads(self: Arc<Self>) {
        let mut compared = 0_u64;
        while let Some(read) = self.next_read().await {
            compared += 1;
            if compared.is_multiple_of(BASELINE) {
                self.ask_twice(&read).await;
            }
            if self.compare_read(&read).await.is_err() {
                self.count(read.repository, ComparisonSource::Read, What::Failed, 1);
            }
        }
    }

    /// Asks the authority again. An answer that differs from the first is noise.
    async fn ask_twice(&self, read: &Read) {
        let what = match self.answer(read, read.authority).await {
            Ok(answer) if answer == read.answer => What::Equal,
            Ok(_) => What::Diverged,
            Err(_) => What::Failed,
        };
        self.count(read.repository, ComparisonSource::Baseline, what, 1);
    }

    async fn compare_read(&self, read: &Read) -> Result<(), Error> {
        if self.answer(read, read.authority.other()).await? == read.answer {
            self.count(read.repository, ComparisonSource::Read, What::Equal, 1);
            return Ok(());
        }
        if Selected::aggregates(&read.find.select) {
            // No row of the answer is one of the repository.
            self.count(read.repository, ComparisonSource::Read, What::Dropped, 1);
            return Ok(());
        }
        // The answers differ: which rows do, and do they still?
        let repository = self.of(read.repository);
        let mut keys = HashSet::new();
        for backend in Backend::ALL {
            keys.extend(self.keys(read, repository, backend).await?);
        }
        let columns = Columns::configured(&self.sides, repository).await?;
        let policy = ByPolicy::of(
            self.policies.in_force(),
            self.rule.clone(),
            &self.sides,
            &self.repositories,
        )
        .await?;
        let mut suspects = Suspects::new(&self.sides, repository, &columns.common, PATIENCE);
        for key in &keys {
            suspects.add(key);
        }
        let (mut is_unsettled, mut found) = (false, Vec::new());
        loop {
            let findings = suspects.look().await?;
            is_unsettled |= findings
                .iter()
                .any(|finding| matches!(finding.verdict, Verdict::Unsettled(_)));
            found.extend(differences(&self.sides, repository, &columns.common, &findings, &policy).await?);
            if suspects.is_empty() {
                break;
            }
            sleep(PAUSE).await;
        }
        // Where all rows of the repository are equal, embedded rows differ, which are not looked at.
        is_unsettled |= Selected::embeds(&read.find.select).next().is_some();
        let what = match (found.is_empty(), is_unsettled) {
            (false, _) => What::Diverged,
            (true, true) => What::Unsettled,
            (true, false) => What::Equal,
        };
        self.count(read.repository, ComparisonSource::Read, what, 1);
        if found.is_empty() {
            return Ok(());
        }
        let source = ComparisonSource::Read;
        if self.reconcile_every.is_some() {
            repair(&self.sides, repository, read.epoch, (source, &found), &policy).await?;
            self.call_people(repository, &policy);
        } else {
            let found: Vec<FoundDivergence> = found.iter().map(Difference::as_found).collect();
            let old = &self.sides.old;
            old.note_divergences(repository, read.epoch, source.as_str(), &found)
                .await?;
        }
        Ok(())
    }

    async fn answer(&self, read: &Read, backend: Backend) -> Result<String, Error> {
        let request = Request::Find(Find {
            single: false,
            ..read.find.clone()
        });
        let outcome = self.sides[backend]
            .execute_in(self.of(read.repository), &request, &read.transaction, read.epoch)
            .await?;
        Ok(outcome.body)
    }

    /// The keys of the rows that one side finds.
    async fn keys(&self, read: &Read, repository: &Repository, backend: Backend) -> Result<Vec<String>, Error> {
        let column = |name: &String| {
            Selected::Column(Column {
                field: name.clone().into(),
                alias: None,
                cast: None,
                aggregate: None,
            })
        };
        let embeds = Selected::embeds(&read.find.select).map(|embed| Selected::Embed(embed.hidden()));
        let mut find = Find {
            select: repository.key.iter().map(column).chain(embeds).collect(),
            count: None,
            single: false,
            body: BodyForm::Json,
            ..read.find.clone()
        };
        find.window.limit = Some(find.window.limit.map_or(LOOKED_AT, |limit| limit.min(LOOKED_AT)));
        let request = Request::Find(find);
        let outcome = self.sides[backend]
            .execute_in(repository, &request, &read.transaction, read.epoch)
            .await?;
        let rows: Vec<Box<RawValue>> = serde_json::from_str(&outcome.body).unwrap_or_default();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.sides[backend].key_texts(repository, &outcome.body).await
    }
}
